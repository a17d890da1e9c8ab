// The CAs in their order: who is asked next when one cannot or will not. Remembers accounts, begun orders and who told us
// to wait; knows no schedule.
import { createHash } from 'node:crypto';
import { errorMessage } from '../files/durable-file.ts';
import type { Log } from '../log.ts';
import type { IssuedCertificate } from '../certificates/issued-certificates.ts';
import { nameOfCa } from './issuer-options.ts';
import type { CaOptions } from './issuer-options.ts';
import type { IssuerStorage, StoredOrder } from './issuer-storage.ts';
import { issuerLimits } from './limits.ts';
import { createPrivateKey } from './local-storage.ts';
import { isOwnFault, judgeFailure } from './order-verdict.ts';
import type { ChallengeToPresent, ChallengeType, OrderResult, RefusedName } from './order-thread.types.ts';
import { renewalAt } from './renewal-time.ts';
import { runOrder } from './run-order.ts';

export interface AuthoritiesDeps {
  readonly storage: IssuerStorage;
  readonly authorities: readonly CaOptions[];
  readonly email: string;
  readonly extraRoots: string | null;
  readonly userAgent: string;
  readonly requestTimeoutMs: number;
  readonly present: (
    challenges: readonly ChallengeToPresent[],
    signal: AbortSignal,
  ) => Promise<RefusedName[]>;
  readonly withdraw: (challenges: readonly ChallengeToPresent[]) => Promise<void>;
  readonly nowMs: () => number;
  readonly chance: () => number;
  readonly log: Log;
}

export interface IssueRequest {
  readonly names: readonly string[];
  readonly methods: Readonly<Record<string, readonly ChallengeType[]>>;
  readonly replaces: { readonly directory: string; readonly ariId: string } | null;
}

export type IssueOutcome =
  | { readonly kind: 'issued'; readonly certificate: IssuedCertificate }
  | { readonly kind: 'names'; readonly names: readonly RefusedName[] }
  | { readonly kind: 'divide'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string; readonly retryAfterMs: number }
  | { readonly kind: 'stopped' };

/** What one CA came to; `next`: another one may do better. */
type CaOutcome =
  | IssueOutcome
  | {
      readonly kind: 'next';
      readonly message: string;
      readonly waitMs: number;
      readonly names: readonly RefusedName[];
    };

const setOf = (names: readonly string[]): string =>
  createHash('sha256').update(names.toSorted().join(' ')).digest('hex').slice(0, 32);

export class CertificateAuthorities {
  readonly #deps: AuthoritiesDeps;

  constructor(deps: AuthoritiesDeps) {
    this.#deps = deps;
  }

  /** Rejects only when the storage does. */
  async issue(request: IssueRequest, signal: AbortSignal): Promise<IssueOutcome> {
    const notes: string[] = [];
    let refused: readonly RefusedName[] = [];
    let waitMs = Infinity;
    for (const authority of this.#deps.authorities) {
      const outcome = await this.#ask(authority, request, signal);
      if (outcome.kind !== 'next') return outcome;
      notes.push(`${nameOfCa(authority.directory)}: ${outcome.message}`);
      waitMs = Math.min(waitMs, outcome.waitMs);
      if (outcome.names.length > 0) refused = outcome.names;
    }
    if (refused.length > 0) return { kind: 'names', names: refused };
    return { kind: 'failed', message: notes.join('; '), retryAfterMs: Number.isFinite(waitMs) ? waitMs : 0 };
  }

  async #ask(authority: CaOptions, request: IssueRequest, signal: AbortSignal): Promise<CaOutcome> {
    const { nowMs, storage } = this.#deps;
    const { directory } = authority;
    const pauses = await storage.pauses.list(nowMs());
    const own = new Set([directory, `${directory} ${setOf(request.names)}`]);
    const paused = pauses.filter(
      ({ scope, until }) => own.has(scope) && until <= nowMs() + issuerLimits.retryAfterMaxMs,
    );
    const [first] = paused.toSorted((a, b) => b.until - a.until);
    if (first !== undefined) {
      return { kind: 'next', message: first.reason, waitMs: first.until - nowMs(), names: [] };
    }
    const outcome = await this.#order(authority, request, signal);
    if (outcome.kind !== 'account') return outcome;
    // Once: a CA that forgets the account that it just made is broken.
    await storage.accounts.forget(directory);
    const again = await this.#order(authority, request, signal);
    return again.kind === 'account' ? { kind: 'next', message: again.message, waitMs: 0, names: [] } : again;
  }

  async #order(
    authority: CaOptions,
    request: IssueRequest,
    signal: AbortSignal,
  ): Promise<CaOutcome | { readonly kind: 'account'; readonly message: string }> {
    const { storage, nowMs, log } = this.#deps;
    const { directory } = authority;
    const order = await this.#prepare(directory, request.names);
    const result = await this.#run(authority, { request, order }, signal);
    if (signal.aborted && result.kind !== 'issued') return { kind: 'stopped' };
    if (result.kind === 'issued') return this.#keep(directory, order, result);
    const { names } = request;
    log.warn({ ca: directory, names, result }, 'certificate order failed');
    const verdict =
      result.kind === 'refused'
        ? ({ kind: 'names', names: result.names } as const)
        : judgeFailure(result.failure, names);
    // An order that only had to wait goes on later; after any other verdict it is worth nothing.
    if (verdict.kind === 'names' || verdict.kind === 'divide') await storage.orders.delete(order.id);
    if (verdict.kind === 'names' && !verdict.names.every(isOwnFault))
      return { kind: 'next', message: verdict.names[0]?.message ?? '', waitMs: 0, names: verdict.names };
    if (verdict.kind !== 'ca') return verdict;
    const { message, pause } = verdict;
    if (pause !== null && pause.ms > 0) {
      const scope = pause.whole ? directory : `${directory} ${setOf(names)}`;
      await storage.pauses.put({ scope, until: nowMs() + pause.ms, reason: message });
    }
    return { kind: 'next', message, waitMs: pause?.ms ?? 0, names: [] };
  }

  /** The order that was begun for exactly these names, or a new one with a new key. */
  async #prepare(directory: string, names: readonly string[]): Promise<StoredOrder> {
    const { storage, nowMs } = this.#deps;
    const id = setOf([directory, ...names]);
    const known = await storage.orders.get(id);
    if (known !== null && known.createdAt > nowMs() - issuerLimits.orderResumeMaxAgeMs) return known;
    return { id, directory, names, url: '', createdAt: nowMs(), privateKey: await createPrivateKey() };
  }

  async #run(
    { directory, externalAccount }: CaOptions,
    { request, order }: { request: IssueRequest; order: StoredOrder },
    signal: AbortSignal,
  ): Promise<OrderResult> {
    const { storage, email, extraRoots, userAgent, requestTimeoutMs, present, withdraw } = this.#deps;
    const account = await storage.accounts.open(directory);
    const { names, methods, replaces } = request;
    return runOrder(
      {
        directory,
        extraRoots,
        userAgent,
        requestTimeoutMs,
        accountKey: account.key,
        accountUrl: account.url,
        email,
        updateEmail: account.url !== null && account.email !== email,
        externalAccount,
        names,
        methods,
        privateKey: order.privateKey,
        orderUrl: order.url === '' ? null : order.url,
        replaces: replaces?.directory === directory ? replaces.ariId : null,
      },
      {
        present,
        withdraw,
        onAccount: (url) => storage.accounts.put({ directory, url, email }),
        onOrder: (url) => storage.orders.put({ ...order, url }),
      },
      signal,
    );
  }

  async #keep(
    directory: string,
    order: StoredOrder,
    result: OrderResult & { kind: 'issued' },
  ): Promise<CaOutcome> {
    const { storage, nowMs, chance } = this.#deps;
    const pair = { certificate: result.certificate, privateKey: order.privateKey };
    const { ariId } = result;
    try {
      const certificate = await storage.certificates.add(pair, order.names, (facts) => ({
        directory,
        issuedAt: nowMs(),
        renewAt: renewalAt(facts, nowMs(), chance()),
        ariId,
        // At once: its window may begin before a third of the lifetime is left.
        ariNextAt: ariId === null ? null : nowMs(),
      }));
      await storage.orders.delete(order.id);
      return { kind: 'issued', certificate };
    } catch (error) {
      // Not what was ordered: the next try begins anew.
      await storage.orders.delete(order.id);
      return { kind: 'next', message: errorMessage(error), waitMs: 0, names: [] };
    }
  }
}
