// `server_info`: who this daemon is and what it runs on.
import { readFileSync } from 'node:fs';
import { arch, cpus, hostname, release, totalmem, type } from 'node:os';
import { PROTOCOL_VERSION } from '@tako/protocol';
import type { ServerIdentity } from '@tako/protocol';
import { z } from 'zod';

export interface IdentityFacts {
  readonly version: string;
  readonly startedAt: number;
  readonly dataDir: string;
  readonly mode: ServerIdentity['mode'];
  readonly lastReload: ServerIdentity['lastReload'];
  readonly workers: ServerIdentity['workers'];
  readonly ports: ServerIdentity['ports'];
  readonly acme: ServerIdentity['acme'];
  readonly standby: boolean;
}

const reportSchema = z.object({ header: z.object({ glibcVersionRuntime: z.string().optional() }) });

/** glibc says its version in the process report's header; musl has none. */
function libc(): 'glibc' | 'musl' {
  const { header } = reportSchema.parse(process.report.getReport());
  return header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
}

function describeMachine(): ServerIdentity['machine'] {
  return {
    hostname: hostname(),
    arch: arch(),
    libc: libc(),
    cpus: cpus().length,
    memoryBytes: totalmem(),
    os: `${type()} ${release()}`,
    node: process.versions.node,
  };
}

export function createServerIdentity(): (facts: IdentityFacts) => ServerIdentity {
  const machineFacts = describeMachine();
  return (facts) => ({
    pid: process.pid,
    version: facts.version,
    protocol: PROTOCOL_VERSION,
    mode: facts.mode,
    lastReload: facts.lastReload,
    uptimeMs: Date.now() - facts.startedAt,
    startedAt: facts.startedAt,
    workers: facts.workers,
    ports: facts.ports,
    dataDir: facts.dataDir,
    acme: facts.acme,
    standby: facts.standby,
    machine: machineFacts,
  });
}

/** The version of this build, from its package.json. */
export function readServerVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}
