// Reload and restart of a server from outside, and the proof that it happened: another process answers. Knows no apps.
import { setTimeout as delay } from 'node:timers/promises';
import { TakoError } from '@tako/config';
import type { ServerIdentity } from '@tako/protocol';
import { limits } from '../limits.ts';
import { runProgram, type ProgramResult } from '../process/run-program.ts';
import type { Task } from '../output/task.ts';
import { isConnectionError, type ServerSession } from './session.ts';

export interface ControlContext {
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly task: Task;
}

const unit = 'tako-server';

/** A successor takes over. Errors: PERMISSION_DENIED, HANDOFF_FAILED with the server's reason, TIMED_OUT. */
export async function reloadServer(session: ServerSession, context: ControlContext): Promise<ServerIdentity> {
  const before = await identityOf(session, context.signal);
  // The daemon's own user, which the management user is (spec 80), may signal it; others ask systemd.
  const signaled = await onServer(session, context, ['kill', '-HUP', String(before.pid)]);
  if (signaled.exitCode !== 0) await systemctl(session, context, 'reload');
  context.task.note('waiting for the successor');
  return waitFor(session, context, limits.serverReloadTimeoutMs, (now) => {
    const { lastReload } = now;
    const isOver = lastReload !== null && lastReload.at !== before.lastReload?.at;
    if (isOver && !lastReload.ok) throw reloadFailed(session.name, lastReload.reason);
    return now.pid !== before.pid && isOver;
  });
}

/** Stops the server with all of its apps and starts it. Errors: PERMISSION_DENIED, TIMED_OUT. */
export async function restartServer(
  session: ServerSession,
  context: ControlContext,
): Promise<ServerIdentity> {
  const before = await identityOf(session, context.signal);
  context.task.note('its apps drain and stop');
  await systemctl(session, context, 'restart');
  context.task.note('waiting for it');
  return waitFor(session, context, limits.serverRestartTimeoutMs, (now) => now.pid !== before.pid);
}

const identityOf = (session: ServerSession, signal: AbortSignal): Promise<ServerIdentity> =>
  session.call(({ api }) => api.server_info.query(undefined, { signal }));

function onServer(
  session: ServerSession,
  context: ControlContext,
  words: readonly [string, ...string[]],
): Promise<ProgramResult> {
  if (session.address.kind === 'ssh') return session.exec(words, limits.serverRestartTimeoutMs);
  return runProgram({
    argv: words,
    env: context.env,
    timeoutMs: limits.serverRestartTimeoutMs,
    outputBytesMax: limits.sshExecOutputBytesMax,
    signal: context.signal,
  });
}

/** `-n`: sudo never asks; the sudoers of an installed server allow exactly this (spec 80). */
async function systemctl(
  session: ServerSession,
  context: ControlContext,
  verb: 'reload' | 'restart',
): Promise<void> {
  const { exitCode, stderr } = await onServer(session, context, ['sudo', '-n', 'systemctl', verb, unit]);
  if (exitCode === 0) return;
  const words = stderr.trim().split('\n').slice(-3).join(' | ').slice(0, 500);
  throw new TakoError(
    'PERMISSION_DENIED',
    `the server ${session.name} could not be told to ${verb}: "sudo -n systemctl ${verb} ${unit}" ended with ${exitCode ?? 'a signal'}${words === '' ? '' : `: ${words}`}`,
    {
      hint: `Run it on the server as root: systemctl ${verb} ${unit}`,
      details: { server: session.name },
    },
  );
}

/** The connection may break in between: it is the server's socket that goes away and comes back. */
async function waitFor(
  session: ServerSession,
  context: ControlContext,
  timeoutMs: number,
  isThere: (now: ServerIdentity) => boolean,
): Promise<ServerIdentity> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      if (session.lost.aborted) await session.reconnect(context.signal);
      const now = await identityOf(session, context.signal);
      if (isThere(now) && now.mode === 'normal') return now;
    } catch (error) {
      context.signal.throwIfAborted();
      if (!isConnectionError(error)) throw error;
    }
    if (performance.now() > deadline) {
      throw new TakoError(
        'TIMED_OUT',
        `no other process of ${session.name} answered within ${timeoutMs / 1000} s`,
        {
          hint: `Look at: tako servers status ${session.name}; on the server: journalctl -u ${unit}`,
          details: { server: session.name },
        },
      );
    }
    await delay(limits.serverPollMs, undefined, { signal: context.signal });
  }
}

function reloadFailed(server: string, reason: string | null): TakoError {
  return new TakoError(
    'HANDOFF_FAILED',
    `the reload of ${server} failed, and the daemon before goes on: ${reason ?? 'no reason was given'}`,
    { hint: 'Its log on the server says more: journalctl -u tako-server', details: { server } },
  );
}
