// The HTTP-01 and TLS-ALPN-01 challenges of all orders: stored, so that every server that shares the storage answers
// them, and shown to every worker before a CA is told. Ending one order takes only its own away (facts, bug 3).
import type { ChallengeRecord } from '@tako/store';
import { createAlpnCertificate } from '../certificates/self-signed.ts';
import type { Log } from '../log.ts';
import { withDeadline } from '../timing.ts';
import type { ChallengeStorage } from './issuer-storage.ts';
import { issuerLimits } from './limits.ts';

export interface ChallengeView {
  readonly host: string;
  readonly challenge: string;
  readonly keyAuthorization: string;
}

/** What a worker answers a handshake with `acme-tls/1` for that host with (RFC 8737). */
export interface AlpnChallengeView {
  readonly host: string;
  readonly certificate: string;
  readonly privateKey: string;
}

export interface ChallengeBoardDeps {
  readonly storage: ChallengeStorage;
  readonly nowMs: () => number;
  readonly log: Log;
  /** Resolves when every worker has the list. */
  readonly publishHttp: (challenges: readonly ChallengeView[]) => Promise<void>;
  /** null: TLS-ALPN-01 is not served. */
  readonly publishAlpn: ((challenges: readonly AlpnChallengeView[]) => Promise<void>) | null;
}

export type PresentedChallenge = Omit<ChallengeRecord, 'createdAt'>;

const late = Symbol('late');

export class ChallengeBoard {
  readonly #deps: ChallengeBoardDeps;
  readonly #alpnPairs = new Map<string, AlpnChallengeView>();
  #alpnShown = false;

  constructor(deps: ChallengeBoardDeps) {
    this.#deps = deps;
  }

  /** Takes away what crashes left, and shows the rest. */
  async open(): Promise<void> {
    const { storage, nowMs } = this.#deps;
    const oldest = nowMs() - issuerLimits.challengeMaxAgeMs;
    for (const row of await storage.list()) {
      if (row.createdAt < oldest) await storage.delete(row);
    }
    await this.show();
  }

  /** Resolves when every worker answers them; throws when that takes too long. */
  async present(challenges: readonly PresentedChallenge[]): Promise<void> {
    if (challenges.length === 0) return;
    const createdAt = this.#deps.nowMs();
    for (const challenge of challenges) await this.#deps.storage.put({ ...challenge, createdAt });
    if ((await withDeadline(this.show(), issuerLimits.publishTimeoutMs, late)) === late)
      throw new Error('the proxy workers did not take the challenge in time');
  }

  /** Never rejects: a challenge that stays is nobody's harm, and swept later. */
  async withdraw(challenges: readonly Pick<PresentedChallenge, 'host' | 'challenge'>[]): Promise<void> {
    if (challenges.length === 0) return;
    try {
      for (const challenge of challenges) await this.#deps.storage.delete(challenge);
      await this.show();
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'challenges were not taken away');
    }
  }

  /** Whatever is stored: also what another server stored. */
  async show(): Promise<void> {
    const { storage, publishHttp, publishAlpn } = this.#deps;
    const rows = await storage.list();
    const shown = [publishHttp(rows.filter((row) => row.kind === 'http-01').map(toView))];
    const alpn = publishAlpn === null ? [] : rows.filter((row) => row.kind === 'tls-alpn-01');
    if (publishAlpn !== null && (alpn.length > 0 || this.#alpnShown)) {
      this.#alpnShown = alpn.length > 0;
      shown.push(publishAlpn(await this.#certificates(alpn)));
    }
    await Promise.all(shown);
  }

  async #certificates(rows: readonly ChallengeRecord[]): Promise<AlpnChallengeView[]> {
    const views: AlpnChallengeView[] = [];
    const keys = new Set(rows.map((row) => row.keyAuthorization));
    for (const key of this.#alpnPairs.keys()) if (!keys.has(key)) this.#alpnPairs.delete(key);
    for (const { host, keyAuthorization } of rows) {
      let view = this.#alpnPairs.get(keyAuthorization);
      if (view === undefined) {
        view = { host, ...(await createAlpnCertificate({ host, keyAuthorization }, this.#deps.nowMs())) };
        this.#alpnPairs.set(keyAuthorization, view);
      }
      views.push(view);
    }
    return views;
  }
}

function toView({ host, challenge, keyAuthorization }: ChallengeRecord): ChallengeView {
  return { host, challenge, keyAuthorization };
}
