// The issuer within the daemon: its options, what is wanted, how its work reaches the workers.
import path from 'node:path';
import type { CertificateStatus } from '@tako/protocol';
import { openIssuer, readIssuerOptions } from '../issuer/index.ts';
import type { Issuer, IssuerOptions } from '../issuer/index.ts';
import type { ServerOptions } from '../options/option-table.ts';
import type { DaemonParts } from './daemon-parts.ts';
import type { DaemonSpec } from './daemon-spec.ts';

/** Reads the files that the options name. Throws OPTION_INVALID. */
export function readCertificateOptions(options: ServerOptions): Promise<IssuerOptions> {
  return readIssuerOptions(
    {
      mode: options.acme,
      directories: options.acmeDirectory,
      email: options.acmeEmail,
      caFile: options.acmeCaFile,
      eabFile: options.acmeEabFile,
      dnsProvider: options.dnsProvider,
      dnsCredentialsFile: options.dnsCredentials || path.join(options.dataDir, 'dns-credentials'),
      check: options.acmeCheck,
      renewalIntervalMs: options.renewalIntervalMs,
    },
    Date.now,
  );
}

/** Custom ones and those of the CA as one list. */
export function listCertificates({
  releaseSide,
  issuing,
}: Pick<DaemonParts, 'releaseSide' | 'issuing'>): CertificateStatus[] {
  return [...releaseSide.certificates.list(), ...(issuing.issuer?.list() ?? [])];
}

/** After the workers serve: a challenge is announced to a CA only when all of them have it. */
export function startIssuer(spec: DaemonSpec, parts: DaemonParts, options: IssuerOptions): Promise<Issuer> {
  const { store, planes, releaseSide } = parts;
  const { publisher } = planes;
  return openIssuer({
    dataDir: spec.options.dataDir,
    store,
    certificates: releaseSide.certificates,
    options,
    version: spec.version,
    log: spec.log,
    nowMs: Date.now,
    wanted: () =>
      store.deployments
        .list()
        .filter((deployment) => deployment.currentVersion !== null)
        .map((deployment) => ({ deploymentId: deployment.id, routes: deployment.routes })),
    publishChallenges: (challenges) => publisher.acknowledged(publisher.publishChallenges(challenges)),
    publishAlpnChallenges: (challenges) =>
      publisher.acknowledged(publisher.publishAlpnChallenges(challenges)),
    publishCertificates: parts.publishCertificates,
    onOrderEnded: (result) => parts.metrics.certificateOrder(result),
  });
}
