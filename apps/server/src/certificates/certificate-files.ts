// The certificates that this server can serve: custom ones as they were given, the self-signed default, and those
// that were issued to us. Files are the truth; the rows tell about them without reading keys.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { TakoError } from '@tako/config';
import type { CertificateStatus } from '@tako/protocol';
import type { CertificateView } from '@tako/proxy';
import type { CertificateRecord, CertificateRepository } from '@tako/store';
import type { Log } from '../log.ts';
import { type CertificateFacts, checkCertificate, readCertificate } from '@tako/config/certificate';
import { certificateState } from './certificate-state.ts';
import { IssuedCertificates, isIssuedId } from './issued-certificates.ts';
import type { CertificatePair } from '@tako/config/certificate';
import { certificateLimits } from './limits.ts';
import { PairFiles } from './pair-files.ts';
import { precedenceOf } from './precedence.ts';
import { createSelfSigned } from './self-signed.ts';

export interface CertificateFilesDeps {
  readonly dataDir: string;
  readonly certificates: CertificateRepository;
  readonly nowMs: () => number;
  readonly log: Log;
}

/** Not a DNS name, so no custom certificate ever has its file. */
const defaultId = '_default';
const defaultNames = ['localhost'] as const;

/** `*.example.com` → `_.example.com`: a file name without shell magic. */
function idOf(names: readonly [string, ...string[]]): string {
  return names[0].replace(/^\*/, '_');
}

function recordOf(
  id: string,
  source: CertificateRecord['source'],
  facts: CertificateFacts,
): CertificateRecord {
  const { names, issuer, notBefore, notAfter } = facts;
  return { id, names, source, issuer, notBefore, notAfter, lastError: null, nextTryAt: null, acme: null };
}

function statusOf(record: CertificateRecord, nowMs: number): CertificateStatus {
  const { names, ...rest } = record;
  const { source, issuer, notAfter, lastError, nextTryAt } = rest;
  const facts = { source, issuer, notAfter, lastError, nextTryAt };
  return { names, state: certificateState(facts, nowMs), ...facts };
}

function sourceOf(id: string): CertificateRecord['source'] {
  if (id === defaultId) return 'self-signed';
  return isIssuedId(id) ? 'acme' : 'custom';
}

const byPrecedence =
  (nowMs: number) =>
  (a: CertificateRecord, b: CertificateRecord): number =>
    precedenceOf(a, nowMs) - precedenceOf(b, nowMs) ||
    a.notAfter - b.notAfter ||
    (a.acme?.issuedAt ?? 0) - (b.acme?.issuedAt ?? 0);

export class CertificateFiles {
  readonly #files: PairFiles;
  readonly #dir: string;
  readonly #rows: CertificateRepository;
  readonly #nowMs: () => number;
  readonly #log: Log;
  /** Those of CAs; custom ones come before them. */
  readonly issued: IssuedCertificates;

  constructor({ dataDir, certificates, nowMs, log }: CertificateFilesDeps) {
    this.#dir = path.join(dataDir, 'certs');
    this.#files = new PairFiles(this.#dir);
    this.#rows = certificates;
    this.#nowMs = nowMs;
    this.#log = log;
    this.issued = new IssuedCertificates(this.#files, certificates);
  }

  /** Makes rows and files agree, and the self-signed default exist. */
  async open(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const ids = new Set(await this.#files.recover());
    for (const row of this.#rows.list()) {
      if (!ids.has(row.id)) this.#rows.delete(row.id);
    }
    for (const id of ids) await this.#recall(id);
    await this.renewSelfSigned();
  }

  /** Checked, stored, in the rows. Throws CERTIFICATE_INVALID, saying what is wrong with it. */
  async add(pair: CertificatePair): Promise<CertificateStatus> {
    const facts = checkCertificate(pair, this.#nowMs());
    const record = recordOf(idOf(facts.names), 'custom', facts);
    const custom = this.#rows.list().filter((row) => row.source === 'custom' && row.id !== record.id);
    if (custom.length >= certificateLimits.customMax) {
      throw new TakoError(
        'CERTIFICATE_INVALID',
        `The server keeps ${certificateLimits.customMax} certificates already.`,
        {
          hint: 'Remove one that is not served any more: `tako certificates rm`.',
        },
      );
    }
    await this.#files.write(record.id, facts.pair);
    this.#rows.put(record);
    return statusOf(record, this.#nowMs());
  }

  /** By any of its names. Throws CERTIFICATE_NOT_FOUND; the self-signed default cannot be removed. */
  async remove(name: string): Promise<void> {
    const wanted = name.toLowerCase();
    const custom = this.#rows.list().filter((row) => row.source === 'custom');
    const row =
      custom.find((candidate) => candidate.names[0] === wanted) ??
      custom.find((candidate) => candidate.names.includes(wanted));
    if (row === undefined) {
      throw new TakoError('CERTIFICATE_NOT_FOUND', `The server has no custom certificate for ${name}.`, {
        hint: '`tako certificates ls` lists them.',
        details: { name },
      });
    }
    await this.#files.remove(row.id);
    this.#rows.delete(row.id);
  }

  /** Custom and self-signed ones; the issuer tells about its own. */
  list(): CertificateStatus[] {
    const nowMs = this.#nowMs();
    return this.#rows
      .list()
      .filter((row) => row.source !== 'acme')
      .map((row) => statusOf(row, nowMs));
  }

  /** Names that custom certificates serve, dates looked at: an expired one leaves its names to the issuer. */
  customNames(): string[] {
    const nowMs = this.#nowMs();
    return this.#rows
      .list()
      .filter((row) => row.source === 'custom' && row.notAfter > nowMs)
      .flatMap((row) => row.names);
  }

  /**
   * What workers serve. Whoever of two has the same name and comes later serves it. One whose files are gone is left
   * out and reported.
   */
  async views(): Promise<CertificateView[]> {
    const views: CertificateView[] = [];
    for (const row of this.#rows.list().toSorted(byPrecedence(this.#nowMs()))) {
      const pair = await (row.source === 'acme' ? this.issued.read(row.id) : this.#files.read(row.id));
      if (pair === null) this.#log.error({ certificate: row.id }, 'certificate files are missing');
      else views.push({ names: row.names, ...pair, isDefault: row.id === defaultId });
    }
    return views;
  }

  /** Makes the self-signed default when it is missing or ends soon; true when there is a new one to serve. */
  async renewSelfSigned(): Promise<boolean> {
    const row = this.#rows.get(defaultId);
    if (row !== undefined && row.notAfter - this.#nowMs() > certificateLimits.selfSignedRenewBeforeMs)
      return false;
    const pair = await createSelfSigned(defaultNames, this.#nowMs());
    await this.#files.write(defaultId, pair);
    this.#rows.put(recordOf(defaultId, 'self-signed', readCertificate(pair)));
    this.#log.info({ notAfter: row?.notAfter ?? null }, 'self-signed certificate made');
    return true;
  }

  /** The row says what the files say; files that cannot be read are left alone and out. */
  async #recall(id: string): Promise<void> {
    const pair = await this.#files.read(id);
    if (pair === null) return;
    try {
      const known = this.#rows.get(id);
      const { lastError = null, nextTryAt = null, acme = null, source = sourceOf(id) } = known ?? {};
      this.#rows.put({ ...recordOf(id, source, readCertificate(pair)), lastError, nextTryAt, acme });
    } catch (error) {
      this.#log.error({ err: error, certificate: id }, 'stored certificate is not usable');
      this.#rows.delete(id);
    }
  }
}
