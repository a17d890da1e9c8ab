// A management server on a real Unix socket whose answers a test scripts: the second implementation of the interface,
// for what a real tako-server cannot be made to do on demand. Keeps locks, artifacts and calls; runs nothing.
import { createHash, randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import path from 'node:path';
import { secretsDigest, TakoError, manifestDigest } from '@tako/config';
import {
  PROTOCOL_VERSION,
  type ArtifactReceiver,
  type DeploymentStatus,
  type ManagementService,
  type ReleaseSummary,
  type RolloutEvent,
  type ServerIdentity,
} from '@tako/protocol';
import { createManagementHandler, managementServerOptions } from '@tako/protocol/server';
import { openTempDirectory } from './temp-directory.ts';

export interface ScriptedCall {
  readonly procedure: string;
  readonly input: Record<string, unknown>;
  readonly caller: string;
}

export interface ScriptedServer extends AsyncDisposable {
  readonly socketPath: string;
  readonly calls: ScriptedCall[];
  procedures(): string[];
  /** Resolves with the next call of that procedure, or one that came already. */
  called(procedure: string): Promise<ScriptedCall>;
  readonly locks: ReadonlyMap<string, string>;
  readonly releases: ReleaseSummary[];
  secrets: Readonly<Record<string, string>>;
  readonly uploadedBytes: () => number;
  /** Breaks every connection. */
  cut(): void;
}

export interface ScriptOptions {
  readonly overrides?: Partial<ManagementService>;
  readonly lockTtlMs?: number;
  /** Called with the bytes held after each piece of an upload. */
  readonly onBytes?: (heldBytes: number) => void;
}

/** The rollout of a server where everything goes well. */
export async function* goodRollout(
  version: string | null,
  kind: 'deploy' | 'rollback' | 'scale' | 'restart' | 'secrets' = 'deploy',
): AsyncGenerator<RolloutEvent> {
  const at = Date.now();
  yield { type: 'started', rolloutId: 'r-1', kind, from: 'old', to: version, steps: 1, at };
  yield { type: 'step', index: 0, of: 1, instance: 'i-1', version: version ?? 'old', state: 'healthy', at };
  yield {
    type: 'deployed',
    rolloutId: 'r-1',
    version,
    urls: ['https://demo.example.com/'],
    instances: 1,
    endedStreams: 0,
    cutConnections: 0,
    durationMs: 5,
  };
}

export async function startScriptedServer(options: ScriptOptions = {}): Promise<ScriptedServer> {
  const dir = await openTempDirectory('s-');
  const socketPath = path.join(dir.path, 'tako.sock');
  const calls: ScriptedCall[] = [];
  const heard = new EventEmitter();
  const locks = new Map<string, string>();
  const releases: ReleaseSummary[] = [];
  const artifacts = createArtifacts(options.onBytes ?? (() => undefined));
  const state = { secrets: {} as Readonly<Record<string, string>> };
  const base = createService({
    locks,
    releases,
    state,
    lockTtlMs: options.lockTtlMs ?? 30_000,
  });
  const service = recording({ ...base, ...options.overrides }, (call) => {
    calls.push(call);
    heard.emit('call', call);
  });
  const handler = createManagementHandler({
    service,
    artifacts: artifacts.receiver,
    onInternalError: (report) => heard.emit('internal', report),
  });
  const server = http.createServer(managementServerOptions, handler);
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(socketPath);
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    socketPath,
    calls,
    procedures: () => calls.map(({ procedure }) => procedure),
    called: async (procedure) => {
      for (;;) {
        const found = calls.find((call) => call.procedure === procedure);
        if (found) return found;
        await once(heard, 'call');
      }
    },
    locks,
    releases,
    get secrets() {
      return state.secrets;
    },
    set secrets(value) {
      state.secrets = value;
    },
    uploadedBytes: artifacts.bytes,
    cut,
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** Every method notes its call before it answers. */
function recording(service: ManagementService, note: (call: ScriptedCall) => void): ManagementService {
  const entries = Object.entries(service).map(([procedure, method]) => [
    procedure,
    (input: never, context: { caller: string }) => {
      note({ procedure, input: input ?? {}, caller: context.caller });
      return (method as (...args: unknown[]) => unknown)(input, context);
    },
  ]);
  return Object.fromEntries(entries) as ManagementService;
}

interface ServiceState {
  readonly locks: Map<string, string>;
  readonly releases: ReleaseSummary[];
  readonly state: { secrets: Readonly<Record<string, string>> };
  readonly lockTtlMs: number;
}

function createService(of: ServiceState): ManagementService {
  const lock = (token: string) => ({ token, expiresAt: Date.now() + of.lockTtlMs, ttlMs: of.lockTtlMs });
  const unavailable = async (): Promise<never> => {
    throw new TakoError('PROCEDURE_NOT_AVAILABLE', 'not in this script');
  };
  const unavailableStream = (): AsyncIterable<never> => ({
    [Symbol.asyncIterator]: () => ({ next: unavailable }),
  });
  return {
    serverInfo: async () => identity(),
    acquireLock: async ({ deploymentId, holder }) => {
      if (of.locks.has(deploymentId))
        throw new TakoError(
          'DEPLOYMENT_LOCKED',
          `${deploymentId} is locked by ${of.locks.get(deploymentId)}`,
          { hint: 'Wait, or: tako unlock' },
        );
      of.locks.set(deploymentId, `${holder.user}@${holder.host}`);
      return lock(randomUUID());
    },
    renewLock: async ({ token }) => lock(token),
    releaseLock: async ({ deploymentId }) => void of.locks.delete(deploymentId),
    unlock: async () => ({ previous: null }),
    preflight: async () => ({ problems: [] }),
    prepareRelease: async function* ({ version, sha256, manifest }) {
      yield { type: 'phase', phase: 'extract', at: Date.now() };
      of.releases.push({
        version,
        state: 'prepared',
        current: false,
        sha256,
        manifestSha256: manifestDigest(manifest),
        preparedAt: Date.now(),
        deployedAt: null,
        commit: null,
        commitMessage: null,
        dirty: false,
      });
      yield { type: 'prepared', version, existing: false, durationMs: 1 };
    },
    runReleaseCommand: async function* () {
      yield { type: 'output', stream: 'stdout', text: 'migrating' };
      yield { type: 'exited', exitCode: 0, signal: null, timedOut: false, durationMs: 1 };
    },
    deploy: ({ version, secrets }) => {
      if (secrets !== undefined) of.state.secrets = secrets;
      return goodRollout(version);
    },
    rollout: unavailableStream,
    revertRollout: async () => undefined,
    rollback: () => goodRollout('old', 'rollback'),
    scale: () => goodRollout('old', 'scale'),
    restart: () => goodRollout('old', 'restart'),
    stop: unavailableStream,
    start: unavailableStream,
    delete: unavailableStream,
    updateSecrets: ({ secrets }) => {
      of.state.secrets = secrets;
      return goodRollout('old', 'secrets');
    },
    secretsDigest: async () => ({
      digest: secretsDigest(of.state.secrets),
      names: Object.keys(of.state.secrets),
    }),
    status: async () => ({ server: identity(), deployments: [] }),
    list: async () => [],
    routes: async () => [],
    releases: async () => [...of.releases],
    certificates: async () => [],
    audit: async () => [],
    addCertificate: unavailable,
    removeCertificate: unavailable,
    logs: unavailableStream,
    releaseLog: unavailableStream,
    events: unavailableStream,
    enterUpgrading: unavailable,
    exitUpgrading: unavailable,
    putChallenge: unavailable,
    pause: unavailable,
    resume: unavailable,
    maintenance: unavailable,
    cordon: unavailable,
    uncordon: unavailable,
  };
}

export function identity(): ServerIdentity {
  return {
    pid: process.pid,
    version: '0.1.0',
    protocol: PROTOCOL_VERSION,
    mode: 'normal',
    lastReload: null,
    uptimeMs: 1000,
    startedAt: Date.now() - 1000,
    workers: [],
    ports: { http: [], https: [], metrics: [] },
    dataDir: '/data',
    acme: 'off',
    standby: false,
    machine: {
      hostname: 'scripted',
      arch: 'x64',
      libc: 'glibc',
      cpus: 2,
      memoryBytes: 1,
      os: 'Linux',
      node: '26',
    },
  };
}

/** Keeps what came when a body ends early, as the real one does. */
function createArtifacts(onBytes: (heldBytes: number) => void): {
  receiver: ArtifactReceiver;
  bytes: () => number;
} {
  const held = new Map<string, Uint8Array[]>();
  const complete = new Set<string>();
  const sizeOf = (pieces: readonly Uint8Array[]): number =>
    pieces.reduce((sum, piece) => sum + piece.length, 0);
  let total = 0;
  const receiver: ArtifactReceiver = {
    offset: async (sha256) => ({
      offsetBytes: sizeOf(held.get(sha256) ?? []),
      complete: complete.has(sha256),
    }),
    receive: async (sha256, { sizeBytes }, body) => {
      const pieces = held.get(sha256) ?? [];
      held.set(sha256, pieces);
      for await (const piece of body) {
        pieces.push(piece);
        total += piece.length;
        onBytes(sizeOf(pieces));
      }
      if (sizeOf(pieces) < sizeBytes) return { offsetBytes: sizeOf(pieces), complete: false };
      if (createHash('sha256').update(Buffer.concat(pieces)).digest('hex') !== sha256) {
        throw new TakoError('ARTIFACT_HASH_MISMATCH', 'other bytes');
      }
      complete.add(sha256);
      return { offsetBytes: sizeBytes, complete: true };
    },
  };
  return { receiver, bytes: () => total };
}

export function deploymentStatus(more: Partial<DeploymentStatus> = {}): DeploymentStatus {
  return {
    deploymentId: 'demo',
    app: 'demo',
    env: 'production',
    version: 'v1',
    mode: 'running',
    instancesWanted: 1,
    routes: ['demo.example.com'],
    builds: [
      {
        version: 'v1',
        current: true,
        instances: [
          {
            id: 'demo-1',
            version: 'v1',
            state: 'healthy',
            pid: 1,
            port: 3000,
            startedAt: Date.now() - 65_000,
            memoryBytes: 50 * 1024 * 1024,
            inFlight: 2,
            lastProbe: { at: Date.now(), ok: true, reason: null },
          },
        ],
      },
    ],
    memoryBytes: 50 * 1024 * 1024,
    inFlight: 2,
    requestsPerSecond: 1.25,
    restartsLastMinute: 0,
    certificates: [],
    rollout: null,
    lastError: null,
    ...more,
  };
}
