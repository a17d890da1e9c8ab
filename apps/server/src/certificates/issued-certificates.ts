// The certificates that a CA gave us: each a pair of files and a row, never changed, only joined by a newer one and
// then removed. Knows no CA and no schedule.
import { randomBytes } from 'node:crypto';
import { TakoError } from '@tako/config';
import type { AcmeFacts, CertificateRecord, CertificateRepository } from '@tako/store';
import { checkIssued, readCertificate } from '@tako/config/certificate';
import type { CertificateFacts } from '@tako/config/certificate';
import type { CertificatePair } from '@tako/config/certificate';
import { certificateLimits } from './limits.ts';
import type { PairFiles } from './pair-files.ts';

/** Begins with an underscore and a letter, so no custom certificate has its file. */
const idPrefix = '_acme.';
/** Enough to recognise it by; a whole name may be as long as a file name may be. */
const idNameLength = 100;

export const isIssuedId = (id: string): boolean => id.startsWith(idPrefix);

export interface IssuedCertificate {
  readonly id: string;
  readonly names: readonly string[];
  readonly issuer: string | null;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly acme: AcmeFacts;
}

function newId(names: readonly [string, ...string[]]): string {
  const name = names[0].replace(/^\*/, '_').slice(0, idNameLength);
  return `${idPrefix}${name}.${randomBytes(4).toString('hex')}`;
}

/** A row that was lost and read back from its files has no facts about its CA: it is renewed in its turn. */
function issuedOf(record: CertificateRecord): IssuedCertificate {
  const { id, names, issuer, notBefore, notAfter } = record;
  const acme = record.acme ?? {
    directory: '',
    issuedAt: notBefore,
    renewAt: notAfter - (notAfter - notBefore) / 3,
    ariId: null,
    ariNextAt: null,
  };
  return { id, names, issuer, notBefore, notAfter, acme };
}

export class IssuedCertificates {
  readonly #files: PairFiles;
  readonly #rows: CertificateRepository;
  /** What was read or written: the list of all is asked for at every change of one. */
  readonly #pairs = new Map<string, CertificatePair>();

  constructor(files: PairFiles, rows: CertificateRepository) {
    this.#files = files;
    this.#rows = rows;
  }

  list(): IssuedCertificate[] {
    return this.#records().map(issuedOf);
  }

  /**
   * Throws CERTIFICATE_INVALID when it is not one for all of these names and that key. Its dates are not looked at: a
   * CA’s clock is better than ours.
   */
  async add(
    pair: CertificatePair,
    names: readonly string[],
    acme: (facts: CertificateFacts) => AcmeFacts,
  ): Promise<IssuedCertificate> {
    const facts = readCertificate(pair);
    checkIssued(facts, names);
    if (this.#records().length >= certificateLimits.issuedMax) {
      throw new TakoError(
        'CERTIFICATE_INVALID',
        `The server keeps ${certificateLimits.issuedMax} certificates already.`,
        { hint: 'Delete apps that are not served any more.' },
      );
    }
    const { names: served, issuer, notBefore, notAfter } = facts;
    const record: CertificateRecord = {
      id: newId(served),
      names: served,
      source: 'acme',
      issuer,
      notBefore,
      notAfter,
      lastError: null,
      nextTryAt: null,
      acme: acme(facts),
    };
    await this.#files.write(record.id, facts.pair);
    this.#pairs.set(record.id, facts.pair);
    this.#rows.put(record);
    return issuedOf(record);
  }

  /** The PEM chain; null when the files are gone. */
  async read(id: string): Promise<CertificatePair | null> {
    const pair = this.#pairs.get(id) ?? (await this.#files.read(id));
    if (pair !== null) this.#pairs.set(id, pair);
    return pair;
  }

  update(id: string, acme: AcmeFacts): void {
    const row = this.#rows.get(id);
    if (row !== undefined) this.#rows.put({ ...row, acme });
  }

  async remove(id: string): Promise<void> {
    if (!isIssuedId(id)) throw new TypeError(`assertion failed: ${id} was not issued by a CA`);
    this.#pairs.delete(id);
    await this.#files.remove(id);
    this.#rows.delete(id);
  }

  #records(): CertificateRecord[] {
    return this.#rows.list().filter((row) => row.source === 'acme');
  }
}
