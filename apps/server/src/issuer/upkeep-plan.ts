// What is to be done now, and when to look again: from names wanted, certificates held and failures remembered. Pure.
import { issuerLimits } from './limits.ts';
import { isCovered } from './name-rules.ts';
import { latestRenewalAt } from './renewal-time.ts';
import type { WantedNames } from './wanted-names.ts';

export interface HeldCertificate {
  readonly id: string;
  readonly names: readonly string[];
  readonly notBefore: number;
  readonly notAfter: number;
  readonly acme: {
    readonly directory: string;
    readonly issuedAt: number;
    readonly renewAt: number;
    readonly ariId: string | null;
    readonly ariNextAt: number | null;
  };
}

export interface NameFailure {
  readonly failures: number;
  readonly lastTriedAt: number;
  readonly nextTryAt: number;
}

export interface PlanInput {
  readonly nowMs: number;
  readonly wanted: readonly WantedNames[];
  readonly certificates: readonly HeldCertificate[];
  readonly failures: ReadonlyMap<string, NameFailure>;
  /** Names in orders under way, or held by another process for a moment. */
  readonly busy: ReadonlySet<string>;
  /** Certificates of these CAs are replaced at once (staging ones, when staging is over). */
  readonly isForeign: (directory: string) => boolean;
  readonly namesPerOrderMax?: number;
}

export interface PlannedOrder {
  readonly deploymentId: string;
  /** Sorted. Those that are due, and with them the other names of the app. */
  readonly names: readonly string[];
  readonly due: ReadonlySet<string>;
  /** What is renewed, to be named in the order (RFC 9773 §5); null for a first certificate. */
  readonly replaces: string | null;
  readonly since: number;
}

export interface Plan {
  /** The most urgent first: names without any certificate, then by when they became due. */
  readonly orders: readonly PlannedOrder[];
  /** Ids of certificates whose CA is to be asked for its window. */
  readonly polls: readonly string[];
  /** When something else becomes due; null for nothing. */
  readonly nextAt: number | null;
}

/** The certificate that serves each name: of those that cover it, the one that ends last; of equals, the newer. */
export function bestCertificates(
  names: Iterable<string>,
  certificates: readonly HeldCertificate[],
): Map<string, HeldCertificate> {
  const byName = new Map<string, HeldCertificate>();
  for (const certificate of certificates.toSorted(
    (a, b) => a.notAfter - b.notAfter || a.acme.issuedAt - b.acme.issuedAt,
  )) {
    for (const name of certificate.names) byName.set(name, certificate);
  }
  const best = new Map<string, HeldCertificate>();
  for (const name of names) {
    // The data plane prefers the exact name, whatever the dates: so do we.
    const found = byName.get(name) ?? byName.get(`*${name.slice(name.indexOf('.'))}`);
    if (found !== undefined) best.set(name, found);
  }
  return best;
}

/** A certificate that was issued in our future tells that the clock was ahead then: only the CA's dates count. */
export function effectiveRenewAt(certificate: HeldCertificate, nowMs: number): number {
  const { issuedAt, renewAt } = certificate.acme;
  const latest = Math.max(latestRenewalAt(certificate), certificate.notBefore);
  return issuedAt > nowMs + issuerLimits.clockSkewMs ? Math.min(renewAt, latest) : renewAt;
}

/**
 * Ended by the CA's dates and by our own clock: with that one ahead, a certificate that was issued a moment ago would
 * look ended, and be asked for again and again.
 */
export function hasEnded(certificate: HeldCertificate, nowMs: number): boolean {
  const lifetime = certificate.notAfter - certificate.notBefore;
  return certificate.notAfter <= nowMs && certificate.acme.issuedAt + lifetime <= nowMs;
}

/** A try in our future tells the same: the wait that was reckoned from it is void. */
function waitUntil(failure: NameFailure | undefined, nowMs: number): number {
  if (failure === undefined || failure.lastTriedAt > nowMs + issuerLimits.clockSkewMs) return 0;
  return failure.nextTryAt;
}

function dueAt(input: PlanInput, name: string, certificate: HeldCertificate | undefined): number {
  const earliest = waitUntil(input.failures.get(name), input.nowMs);
  if (certificate === undefined || hasEnded(certificate, input.nowMs)) return earliest;
  if (input.isForeign(certificate.acme.directory)) return earliest;
  return Math.max(earliest, effectiveRenewAt(certificate, input.nowMs));
}

export function planUpkeep(input: PlanInput): Plan {
  const { nowMs, wanted, busy } = input;
  const best = bestCertificates(
    wanted.flatMap(({ names }) => names),
    input.certificates,
  );
  const orders: PlannedOrder[] = [];
  let nextAt: number | null = null;
  const later = (at: number): void => {
    nextAt = nextAt === null ? at : Math.min(nextAt, at);
  };
  for (const app of wanted) {
    // One order of an app at a time: whoever ends it looks again.
    if (app.names.some((name) => busy.has(name))) continue;
    const due = new Map<string, number>();
    for (const name of app.names) {
      const at = dueAt(input, name, best.get(name));
      if (at <= nowMs) due.set(name, at);
      else later(at);
    }
    if (due.size > 0) orders.push(...composeOrders(input, { app, due, best }));
  }
  const used = new Set(best.values());
  const polls: string[] = [];
  for (const { id, acme } of used) {
    if (acme.ariId === null || acme.ariNextAt === null) continue;
    if (acme.ariNextAt <= nowMs) polls.push(id);
    else later(acme.ariNextAt);
  }
  return { orders: orders.toSorted((a, b) => a.since - b.since), polls, nextAt };
}

interface DueNames {
  readonly app: WantedNames;
  readonly due: ReadonlyMap<string, number>;
  readonly best: ReadonlyMap<string, HeldCertificate>;
}

function composeOrders(input: PlanInput, { app, due, best }: DueNames): PlannedOrder[] {
  const max = input.namesPerOrderMax ?? issuerLimits.namesPerOrderMax;
  const willing = app.names.filter(
    (name) => due.has(name) || waitUntil(input.failures.get(name), input.nowMs) <= input.nowMs,
  );
  // With more names than fit, those that are not due stay where they are.
  const names = (willing.length <= max ? willing : [...due.keys()]).toSorted();
  const orders: PlannedOrder[] = [];
  for (let start = 0; start < names.length; start += max) {
    const part = names.slice(start, start + max);
    const held = part.flatMap((name) => best.get(name) ?? []);
    const valid = held.filter((certificate) => !hasEnded(certificate, input.nowMs));
    const replaced = new Set(held.map((certificate) => certificate.id));
    orders.push({
      deploymentId: app.deploymentId,
      names: part,
      due: new Set(part.filter((name) => due.has(name))),
      replaces: replaced.size === 1 ? (held[0]?.id ?? null) : null,
      since: valid.length < part.length ? 0 : Math.min(...part.map((name) => due.get(name) ?? Infinity)),
    });
  }
  return orders;
}

export interface SupersededInput {
  readonly nowMs: number;
  readonly certificates: readonly HeldCertificate[];
  readonly wanted: readonly WantedNames[];
  /** Served by certificates that were given to us. */
  readonly customNames: readonly string[];
}

/**
 * Certificates that serve nobody any more. One that serves no wanted name goes when its names are wanted but served
 * better, when all of them are covered by others, or when it has ended; until then a deployment that comes back finds
 * it. An ended one of a wanted name stays: it is no worse than the self-signed one, and it may be our clock that is
 * wrong.
 */
export function supersededCertificates(input: SupersededInput): string[] {
  const { nowMs, certificates } = input;
  const names = input.wanted.flatMap((app) => app.names);
  const best = new Set(bestCertificates(names, certificates).values());
  const wanted = new Set(names);
  const valid = [...best].filter((certificate) => !hasEnded(certificate, nowMs));
  const covered = new Set([...input.customNames, ...valid.flatMap((certificate) => certificate.names)]);
  return certificates
    .filter((certificate) => {
      if (best.has(certificate)) return false;
      return (
        hasEnded(certificate, nowMs) ||
        certificate.names.some((name) => wanted.has(name)) ||
        certificate.names.every((name) => isCovered(name, covered))
      );
    })
    .map(({ id }) => id);
}
