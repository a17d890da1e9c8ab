// Brings a release to one server: uploads what it lacks, over new connections where ssh breaks, and has it unpack and
// install (spec 30, step 7). Rolls nothing out.
import { createReadStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isTakoError, type Manifest } from '@tako/config';
import type { Build } from '../build/build.ts';
import { limits } from '../limits.ts';
import { formatBytes } from '../output/text.ts';
import type { Task } from '../output/task.ts';
import { isConnectionError, type ServerSession } from '../servers/session.ts';
import type { ServerFacts } from './check-server.ts';
import { streamCut, withDeadline } from './server-stream.ts';

export interface PrepareOptions {
  readonly deploymentId: string;
  readonly manifest: Manifest;
  readonly artifact: Build['artifact'];
  readonly signal: AbortSignal;
}

/** Uploads what the server lacks, then has it unpack and install. Errors: ARTIFACT_*, those of prepare_release. */
export async function prepareServer(facts: ServerFacts, options: PrepareOptions, task: Task): Promise<void> {
  const { session, lease } = facts;
  const { manifest } = options;
  const signal = AbortSignal.any([options.signal, lease.signal]);
  const existing = facts.releases.some(({ version }) => version === manifest.version);
  if (!existing) await upload(session, { ...options, signal }, task);
  try {
    await prepare(facts, { ...options, signal }, task);
  } catch (error) {
    // It knew the release a moment ago and not its bytes: pruned in between, or half made.
    if (!existing || !isTakoError(error) || !error.code.startsWith('ARTIFACT_')) throw error;
    await upload(session, { ...options, signal }, task);
    await prepare(facts, { ...options, signal }, task);
  }
}

async function upload(session: ServerSession, options: PrepareOptions, parent: Task): Promise<void> {
  const { artifact, signal } = options;
  await parent.run('Upload', async (task) => {
    const result = await overNewConnections(session, { signal, task }, () =>
      session.call((client) =>
        client.uploadArtifact({
          sha256: artifact.sha256,
          sizeBytes: artifact.sizeBytes,
          open: (start) => createReadStream(artifact.file, { start }),
          onProgress: ({ sentBytes, sizeBytes }) => task.progress(sentBytes, sizeBytes),
          // Trying again over a dead forward would only cost time.
          signal: AbortSignal.any([signal, session.lost]),
        }),
      ),
    );
    task.conclude(result.sentBytes === 0 ? 'the server had it' : formatBytes(result.sentBytes));
  });
}

/** The client resumes by itself over a socket that lives; when ssh is what broke, this makes a new connection first. */
async function overNewConnections<T>(
  session: ServerSession,
  { signal, task }: { signal: AbortSignal; task: Task },
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (attempt > 1) await session.reconnect(signal);
      return await work();
    } catch (thrown) {
      signal.throwIfAborted();
      // An abort in the middle of a read says only that it was aborted.
      const error: unknown = session.lost.aborted ? session.lost.reason : thrown;
      if (!isConnectionError(error) || attempt >= limits.uploadConnectionsMax) throw error;
      task.note('the connection broke; going on over a new one');
      await delay(limits.rejoinDelayMs * 2 ** attempt, undefined, { signal });
    }
  }
}

const phaseTitles = {
  verify: 'checking the bytes',
  extract: 'unpacking',
  runtime: 'installing the runtime',
  install: 'installing dependencies',
  seal: 'syncing to disk',
} as const;

async function prepare(facts: ServerFacts, options: PrepareOptions, parent: Task): Promise<void> {
  const { session, lease } = facts;
  const { manifest, artifact, deploymentId } = options;
  await parent.run('Prepare', (task) =>
    session.call(async ({ api }) => {
      const events = await api.prepare_release.mutate(
        {
          deploymentId,
          token: lease.token,
          version: manifest.version,
          sha256: artifact.sha256,
          sizeBytes: artifact.sizeBytes,
          manifest,
        },
        { signal: withDeadline(options.signal, limits.prepareTimeoutMs) },
      );
      for await (const event of events) {
        if (event.type === 'phase') task.note(phaseTitles[event.phase]);
        else if (event.type === 'output') task.print(event.stream, event.text);
        else {
          task.conclude(event.existing ? 'the server had it' : null);
          return;
        }
      }
      throw streamCut(session.name, 'prepared the release');
    }),
  );
}
