// Adds a certificate to servers, or removes one: looks at all of them first, so that nothing is changed anywhere when
// one cannot be reached or the certificate is for nothing there. Knows no flags and asks nobody.
import { TakoError } from '@tako/config';
import type { CertificatePair } from '@tako/config/certificate';
import type { CertificateStatus } from '@tako/protocol';
import { onEachServer, throwFailures, valuesOf } from '../servers/outcomes.ts';
import { coveredRoutes } from './covered-routes.ts';
import type { OpenSession } from './list-certificates.ts';

export interface CertificateScope {
  readonly servers: readonly { readonly name: string }[];
  readonly open: OpenSession;
  readonly signal: AbortSignal;
}

export interface ServerRoutes {
  readonly server: string;
  readonly routes: readonly string[];
}

/** The routes of each server that a certificate with these names would serve. */
export async function routesServedBy(
  scope: CertificateScope,
  names: readonly string[],
): Promise<ServerRoutes[]> {
  const outcomes = await onEachServer(scope.servers, async (server) => {
    await using session = await scope.open(server, scope.signal);
    const routes = await session.call(({ api }) => api.routes.query(undefined, { signal: scope.signal }));
    return coveredRoutes(
      routes.map(({ route }) => route),
      names,
    );
  });
  scope.signal.throwIfAborted();
  throwFailures(outcomes, {
    what: 'reading the routes',
    finish: () => 'Nothing was changed. Mend the way to these servers, or name others with --server.',
  });
  return valuesOf(outcomes).map(({ server, value }) => ({ server, routes: value }));
}

/** Adding the same one again changes nothing. Errors: CERTIFICATE_INVALID, PARTIAL_FAILURE. */
export async function addCertificate(scope: CertificateScope, pair: CertificatePair): Promise<void> {
  const outcomes = await onEachServer(scope.servers, async (server) => {
    await using session = await scope.open(server, scope.signal);
    await session.call(({ api }) => api.add_certificate.mutate(pair, { signal: scope.signal }));
  });
  throwFailures(outcomes, {
    what: 'adding the certificate',
    finish: (failed) =>
      `Add it to the others: tako certificates add … ${failed.map((name) => `--server ${name}`).join(' ')}`,
  });
}

export interface FoundCertificate {
  readonly server: string;
  /** null: it has no custom certificate of that name. */
  readonly certificate: CertificateStatus | null;
}

/** Errors: CERTIFICATE_NOT_FOUND when no server has a custom one of that name. */
export async function findCustom(scope: CertificateScope, name: string): Promise<FoundCertificate[]> {
  const wanted = name.toLowerCase();
  const outcomes = await onEachServer(scope.servers, async (server) => {
    await using session = await scope.open(server, scope.signal);
    const all = await session.call(({ api }) => api.certificates.query(undefined, { signal: scope.signal }));
    const custom = all.filter(({ source }) => source === 'custom');
    return (
      custom.find(({ names }) => names[0] === wanted) ??
      custom.find(({ names }) => names.includes(wanted)) ??
      null
    );
  });
  scope.signal.throwIfAborted();
  throwFailures(outcomes, {
    what: 'looking for the certificate',
    finish: () => 'Nothing was changed. Mend the way to these servers, or name others with --server.',
  });
  const found = valuesOf(outcomes).map(({ server, value }) => ({ server, certificate: value }));
  if (found.some(({ certificate }) => certificate !== null)) return found;
  const servers = found.map(({ server }) => server).join(', ');
  throw new TakoError('CERTIFICATE_NOT_FOUND', `no custom certificate for ${name} on ${servers}`, {
    hint: 'List them: tako certificates ls. Issued ones go by themselves, when no route wants them any more.',
    details: { name },
  });
}

/** One that went meanwhile is as good as removed. Errors: PARTIAL_FAILURE. */
export async function removeCertificates(
  scope: CertificateScope,
  found: readonly FoundCertificate[],
): Promise<void> {
  const held = found.flatMap(({ server, certificate }) =>
    certificate === null ? [] : [{ name: server, host: certificate.names[0] ?? '' }],
  );
  const outcomes = await onEachServer(held, async ({ name, host }) => {
    await using session = await scope.open({ name }, scope.signal);
    await session.call(async ({ api }) => {
      try {
        await api.remove_certificate.mutate({ name: host }, { signal: scope.signal });
      } catch (error) {
        if (!(error instanceof TakoError && error.code === 'CERTIFICATE_NOT_FOUND')) throw error;
      }
    });
  });
  throwFailures(outcomes, {
    what: 'removing the certificate',
    finish: (failed) =>
      `Remove it from the others: tako certificates rm … ${failed.map((name) => `--server ${name}`).join(' ')}`,
  });
}
