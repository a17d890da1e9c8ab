// The issuer as the daemon sees it: certificates for the names of its routes, by themselves. Puts the parts together;
// acme-client is known to one thread only (order-thread.ts).
import { randomInt } from 'node:crypto';
import type { CertificateStatus } from '@tako/protocol';
import type { Store } from '@tako/store';
import type { CertificateFiles } from '../certificates/certificate-files.ts';
import { errorMessage } from '../files/durable-file.ts';
import type { Log } from '../log.ts';
import { withDeadline } from '../timing.ts';
import { AriClient } from './ari-client.ts';
import { CertificateAuthorities } from './certificate-authorities.ts';
import { reportCertificates, reportNames } from './certificate-report.ts';
import type { NameUpkeep, ReportInput } from './certificate-report.ts';
import { ChallengeBoard } from './challenge-board.ts';
import type { AlpnChallengeView, ChallengeView } from './challenge-board.ts';
import { createCoalesced } from './coalesced.ts';
import { DnsChallenges } from './dns/dns-challenges.ts';
import { runIssueJob } from './issue-job.ts';
import type { IssueJob } from './issue-job.ts';
import { letsEncrypt } from './issuer-options.ts';
import type { IssuerOptions } from './issuer-options.ts';
import type { IssuerStorage } from './issuer-storage.ts';
import { issuerLimits } from './limits.ts';
import { openLocalStorage } from './local-storage.ts';
import { NameFailures } from './name-failures.ts';
import type { ChallengeToPresent, ChallengeType, RefusedName } from './order-thread.types.ts';
import { findUnreachable } from './reachable-names.ts';
import type { ReachabilityOptions } from './reachability.ts';
import { pollRenewals } from './renewal-polls.ts';
import { Upkeep } from './upkeep.ts';
import type { UpkeepDeps } from './upkeep.ts';
import { selectNames } from './wanted-names.ts';
import type { WantedRoutes } from './wanted-names.ts';

export interface IssuerDeps {
  readonly dataDir: string;
  readonly store: Store;
  readonly certificates: CertificateFiles;
  readonly options: IssuerOptions;
  /** Of the daemon, for the CA to see. */
  readonly version: string;
  readonly log: Log;
  readonly nowMs: () => number;
  /** What is served now: deployments with their routes. */
  readonly wanted: () => readonly WantedRoutes[];
  /** Resolves when every worker has the whole list. */
  readonly publishChallenges: (challenges: readonly ChallengeView[]) => Promise<void>;
  /** null as long as the data plane does not serve TLS-ALPN-01. */
  readonly publishAlpnChallenges: ((challenges: readonly AlpnChallengeView[]) => Promise<void>) | null;
  /** Hands `certificates.views()` to the workers. */
  readonly publishCertificates: () => Promise<void>;
  readonly onOrderEnded: UpkeepDeps['onOrderEnded'];
  /** Another memory than this server's own: one that several servers share. */
  readonly storage?: IssuerStorage;
  /** Tests: another DNS and port than a name has. */
  readonly reachability?: ReachabilityOptions;
  /** Tests: how long a CA may take to answer. */
  readonly requestTimeoutMs?: number;
  /** Tests: what jitter is made of, from 0 to 1. */
  readonly chance?: () => number;
}

export interface Issuer {
  /** After a deploy, a delete, or a change of custom certificates. Returns at once; never throws. */
  refresh(): void;
  /** Issued certificates, and names that wait for one. */
  list(): CertificateStatus[];
  /** The names that are to be certified, each with how it goes. */
  names(): NameUpkeep[];
  /** Stored challenges, shown again: after another hand changed them. */
  showChallenges(): Promise<void>;
  /** Gives up what is under way, keeping what can be resumed. Idempotent. */
  close(): Promise<void>;
}

function createPresenting(board: ChallengeBoard, dns: DnsChallenges | null) {
  const isDns = (challenge: ChallengeToPresent): boolean => challenge.type === 'dns-01';
  const rows = (challenges: readonly ChallengeToPresent[]) =>
    challenges.flatMap(({ type, host, token, keyAuthorization }) =>
      type === 'dns-01' ? [] : [{ kind: type, host, challenge: token, keyAuthorization }],
    );
  return {
    present: async (
      challenges: readonly ChallengeToPresent[],
      signal: AbortSignal,
    ): Promise<RefusedName[]> => {
      await board.present(rows(challenges));
      return (await dns?.present(challenges.filter(isDns), signal)) ?? [];
    },
    withdraw: async (challenges: readonly ChallengeToPresent[]): Promise<void> => {
      await board.withdraw(rows(challenges));
      await dns?.withdraw(challenges.filter(isDns));
    },
  };
}

interface Parts {
  readonly deps: IssuerDeps;
  readonly storage: IssuerStorage;
  readonly failures: NameFailures;
  readonly board: ChallengeBoard;
  readonly chance: () => number;
  readonly signal: AbortSignal;
}

/** How one planned order is carried out. */
function createIssuing({ deps, storage, failures, board, chance }: Parts) {
  const { options, log, nowMs } = deps;
  const dns = options.dns === null ? null : new DnsChallenges({ ...options.dns, log });
  const authorities = new CertificateAuthorities({
    storage,
    authorities: options.authorities,
    email: options.email,
    extraRoots: options.extraRoots,
    userAgent: `tako-server/${deps.version}`,
    requestTimeoutMs: deps.requestTimeoutMs ?? issuerLimits.requestTimeoutMs,
    ...createPresenting(board, dns),
    nowMs,
    chance,
    log,
  });
  const challenges: readonly ChallengeType[] = [
    ...options.challenges.filter((type) => type !== 'tls-alpn-01' || deps.publishAlpnChallenges !== null),
    ...(dns === null ? [] : (['dns-01'] as const)),
  ];
  const reachable = { board, options: deps.reachability ?? {}, log };
  const unreachable = async (names: readonly string[], signal: AbortSignal): Promise<RefusedName[]> =>
    options.check ? findUnreachable(reachable, names, signal) : [];
  return (job: IssueJob, signal: AbortSignal) =>
    runIssueJob({ authorities, failures, challenges, log, unreachable }, job, signal);
}

function createPublishing({ deps, signal }: Parts) {
  return createCoalesced(
    async () => {
      try {
        await deps.publishCertificates();
      } catch (error) {
        deps.log.error({ reason: errorMessage(error) }, 'certificates were not handed to the workers');
      }
    },
    issuerLimits.publishEveryMs,
    signal,
  );
}

function createUpkeep(parts: Parts): Upkeep {
  const { deps, storage, failures, chance, signal } = parts;
  const { options, certificates, nowMs, log } = deps;
  const configured = new Set(options.authorities.map(({ directory }) => directory));
  const ari = new AriClient({ extraRoots: options.extraRoots, nowMs });
  const publishing = createPublishing(parts);
  return new Upkeep(
    {
      storage,
      failures,
      pollRenewals: (due, during) =>
        pollRenewals({ ari, storage: storage.certificates, nowMs, chance, log }, due, during),
      issue: createIssuing(parts),
      select: () =>
        selectNames(deps.wanted(), {
          canValidateByDns: options.dns !== null,
          customNames: certificates.customNames(),
        }),
      customNames: () => certificates.customNames(),
      // Nobody trusts those of a staging CA: with staging over they are replaced at once.
      isForeign: (directory) => directory === letsEncrypt.staging && !configured.has(directory),
      publish: () => publishing.request(),
      renewSelfSigned: () => certificates.renewSelfSigned(),
      onOrderEnded: (result) => deps.onOrderEnded(result),
      issuing: options.mode !== 'off',
      intervalMs: options.renewalIntervalMs,
      nowMs,
      log,
    },
    signal,
  );
}

/** Rejects when the state cannot be read; whatever CAs and networks do later is reported, not thrown. */
export async function openIssuer(deps: IssuerDeps): Promise<Issuer> {
  const { options, log, nowMs, store, certificates, dataDir } = deps;
  const storage =
    deps.storage ?? (await openLocalStorage({ dataDir, store, issued: certificates.issued, nowMs }));
  const closing = new AbortController();
  const chance = deps.chance ?? (() => randomInt(1_000_000) / 1_000_000);
  const failures = new NameFailures({ storage: storage.names, nowMs, chance });
  const board = new ChallengeBoard({
    storage: storage.challenges,
    nowMs,
    log,
    publishHttp: deps.publishChallenges,
    publishAlpn: deps.publishAlpnChallenges,
  });
  const upkeep = createUpkeep({ deps, storage, failures, board, chance, signal: closing.signal });
  await upkeep.read();
  const watching = storage.watch({
    challengesChanged: () => board.show(),
    certificatesChanged: () => upkeep.wake(),
  });
  // Not awaited: workers may still be starting, and challenges left by a crash are nobody's hurry.
  const running = board
    .open()
    .catch((error: unknown) => log.warn({ err: error }, 'challenges were not shown'))
    .then(() => upkeep.run());
  const reportInput = (): ReportInput => {
    const selection = options.mode === 'off' ? { wanted: [], unprovided: [] } : upkeep.view.selection;
    return { ...upkeep.view, selection, failures: failures.all, nowMs: nowMs() };
  };
  return {
    refresh: () => upkeep.wake(),
    list: () => reportCertificates(reportInput()),
    names: () => reportNames(reportInput()),
    showChallenges: () => board.show(),
    close: async () => {
      closing.abort();
      watching[Symbol.dispose]();
      await withDeadline(running, issuerLimits.closeTimeoutMs, undefined);
    },
  };
}
