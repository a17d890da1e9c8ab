// What would make a deploy fail, told before anything is uploaded: all problems at once. Changes nothing.
import { statfs } from 'node:fs/promises';
import { TakoError, isTakoError, parseRoute } from '@tako/config';
import type { Preflight, Problem } from '@tako/protocol';
import type { Store } from '@tako/store';
import { diskFull } from '../files/disk-full.ts';
import { routeConflictError, routeConflicts } from '../routes/route-conflicts.ts';
import { preflightLimits } from './limits.ts';

export interface FreeSpace {
  readonly bytes: number;
  /** Infinity for a file system without a fixed number of inodes (btrfs says 0 of 0). */
  readonly inodes: number;
}

export interface PreflightDeps {
  readonly dataDir: string;
  readonly store: Pick<Store, 'deployments'>;
  /** Node's name of the server's processor: `x64`, `arm64`. */
  readonly arch: string;
  readonly isUpgrading: () => boolean;
  /** Whether wildcard certificates can be had by DNS-01. */
  readonly hasDnsProvider: boolean;
  /** Names of custom certificates, wildcards as `*.example.com`. */
  readonly certificateNames: () => readonly string[];
  /** What an unprivileged user may still use; statfs(2) when absent. */
  readonly freeSpace?: (dir: string) => Promise<FreeSpace>;
}

export interface PreflightRequest {
  readonly deploymentId: string;
  readonly routes: readonly string[];
  readonly arch: string;
  readonly artifactBytes: number;
}

async function readFreeSpace(dir: string): Promise<FreeSpace> {
  const { bavail, bsize, ffree, files } = await statfs(dir);
  return { bytes: bavail * bsize, inodes: files === 0 ? Infinity : ffree };
}

function spaceProblems(dataDir: string, free: FreeSpace, artifactBytes: number): TakoError[] {
  const { freeBytesMin, freeInodesMin, freeSpaceFactor } = preflightLimits;
  const problems: TakoError[] = [];
  const neededBytes = Math.max(freeBytesMin, artifactBytes * freeSpaceFactor);
  if (free.bytes < neededBytes) problems.push(diskFull(dataDir, { neededBytes, freeBytes: free.bytes }));
  if (free.inodes < freeInodesMin) {
    problems.push(
      new TakoError(
        'INODES_LOW',
        `The file system of ${dataDir} has ${free.inodes} free inodes; ${freeInodesMin} are needed.`,
        {
          hint: 'Remove small files there (`df -i` shows the count); old releases are most of them.',
          details: { dataDir, freeInodes: free.inodes, neededInodes: freeInodesMin },
        },
      ),
    );
  }
  return problems;
}

function archProblems(server: string, artifact: string): TakoError[] {
  if (server === artifact) return [];
  return [
    new TakoError('ARCH_MISMATCH', `The artifact is built for ${artifact}; this server is ${server}.`, {
      hint: `Build for ${server}, or deploy to a server of the other kind.`,
      details: { artifact, server },
    }),
  ];
}

function upgradingProblems(upgrading: boolean): TakoError[] {
  if (!upgrading) return [];
  return [
    new TakoError('SERVER_UPGRADING', 'The server is being upgraded.', {
      hint: 'Deploy again when the upgrade is over.',
    }),
  ];
}

function wildcardProblems(deps: PreflightDeps, routes: readonly string[]): TakoError[] {
  if (deps.hasDnsProvider) return [];
  const covered = new Set(deps.certificateNames());
  const hosts = routes
    .map((route) => parseRoute(route).text.split('/')[0] ?? '')
    .filter((host) => host.startsWith('*.'));
  return [...new Set(hosts)]
    .filter((host) => !covered.has(host))
    .map(
      (host) =>
        new TakoError(
          'WILDCARD_WITHOUT_CERTIFICATE',
          `${host} has neither a DNS provider nor a certificate: the self-signed one is served.`,
          {
            hint: 'Add a certificate for it (`tako certificates add`), or configure `--dns-provider` on the server.',
            details: { host },
          },
        ),
    );
}

function problemOf(error: TakoError, severity: Problem['severity']): Problem {
  return { code: error.code, severity, message: error.message, hint: error.hint };
}

/** Never throws for what it finds; ROUTE_INVALID is a problem, too. */
export async function runPreflight(deps: PreflightDeps, request: PreflightRequest): Promise<Preflight> {
  const free = await (deps.freeSpace ?? readFreeSpace)(deps.dataDir);
  const errors = [
    ...upgradingProblems(deps.isUpgrading()),
    ...archProblems(deps.arch, request.arch),
    ...spaceProblems(deps.dataDir, free, request.artifactBytes),
  ];
  const warnings: TakoError[] = [];
  try {
    const conflicts = routeConflicts(deps.store.deployments, request.deploymentId, request.routes);
    errors.push(...conflicts.map((conflict) => routeConflictError(request.deploymentId, conflict)));
    warnings.push(...wildcardProblems(deps, request.routes));
  } catch (error) {
    if (!isTakoError(error)) throw error;
    errors.push(error);
  }
  return {
    problems: [
      ...errors.map((error) => problemOf(error, 'error')),
      ...warnings.map((error) => problemOf(error, 'warning')),
    ],
  };
}
