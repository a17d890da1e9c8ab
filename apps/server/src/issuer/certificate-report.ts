// What `tako certificates ls`, `status` and the metrics say about issued and wanted certificates. Pure.
import type { CertificateStatus } from '@tako/protocol';
import type { AcmeNameRecord } from '@tako/store';
import { certificateState } from '../certificates/certificate-state.ts';
import type { IssuedCertificate } from '../certificates/issued-certificates.ts';
import { wildcardWithoutProvider } from './name-rules.ts';
import { bestCertificates } from './upkeep-plan.ts';
import type { NameSelection } from './wanted-names.ts';

type Facts = Omit<CertificateStatus, 'state'>;

export interface ReportInput {
  readonly nowMs: number;
  readonly selection: NameSelection;
  readonly certificates: readonly IssuedCertificate[];
  readonly failures: ReadonlyMap<string, AcmeNameRecord>;
}

/** A name that is to be certified: how often in a row that failed, and when it is tried or renewed next. */
export interface NameUpkeep {
  readonly name: string;
  readonly failures: number;
  readonly nextTryAt: number | null;
}

export function reportNames({ selection, certificates, failures }: ReportInput): NameUpkeep[] {
  const wanted = selection.wanted.flatMap(({ names }) => names);
  const best = bestCertificates(wanted, certificates);
  return [
    ...wanted.map((name) => {
      const failure = failures.get(name);
      const nextTryAt = failure?.nextTryAt ?? best.get(name)?.acme.renewAt ?? null;
      return { name, failures: failure?.failures ?? 0, nextTryAt };
    }),
    // Nothing is tried for a wildcard that nobody can validate; it is as little in order as one that was refused.
    ...selection.unprovided.map((name) => ({ name, failures: 1, nextTryAt: null })),
  ];
}

/** Certificates first, then names that have none. */
export function reportCertificates(input: ReportInput): CertificateStatus[] {
  const { selection, certificates, failures, nowMs } = input;
  const wanted = selection.wanted.flatMap(({ names }) => names);
  const best = bestCertificates(wanted, certificates);
  const servedBy = new Map<string, string[]>();
  for (const [name, { id }] of best) servedBy.set(id, [...(servedBy.get(id) ?? []), name]);
  const held = certificates.map((certificate): Facts => {
    const { id, names, issuer, notAfter, acme } = certificate;
    const serves = servedBy.get(id) ?? [];
    const failed = serves.flatMap((name) => failures.get(name) ?? []);
    const nextTries = failed.map((failure) => failure.nextTryAt);
    return {
      names,
      source: 'acme',
      issuer,
      notAfter,
      lastError: failed[0]?.lastError ?? null,
      // Nobody renews what nobody wants.
      nextTryAt:
        serves.length === 0 ? null : Math.min(...nextTries, failed.length > 0 ? Infinity : acme.renewAt),
    };
  });
  const missing: Omit<Facts, 'names'> = {
    source: 'acme',
    issuer: null,
    notAfter: null,
    lastError: null,
    nextTryAt: null,
  };
  const waiting = selection.wanted.flatMap(({ names }) => {
    const without = names.filter((name) => !best.has(name));
    const fresh = without.filter((name) => !failures.has(name));
    const failed = without.flatMap((name) => failures.get(name) ?? []);
    return [
      ...(fresh.length > 0 ? [{ ...missing, names: fresh }] : []),
      ...failed.map(({ name, lastError, nextTryAt }) => ({
        ...missing,
        names: [name],
        lastError,
        nextTryAt,
      })),
    ];
  });
  const unprovided = selection.unprovided.map((name) => ({
    ...missing,
    names: [name],
    lastError: wildcardWithoutProvider(name),
  }));
  return [...held, ...waiting, ...unprovided].map(({ names, ...facts }) => ({
    names,
    state: certificateState(facts, nowMs),
    ...facts,
  }));
}
