// The management socket: `tako-{pid}.sock` behind the symlink `tako.sock`, swapped by rename, so that a successor
// takes over without a moment in which nobody answers. Owns the listener, not what is said on it.
import { closeSync } from 'node:fs';
import { chown, readlink, rename, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerOptions, ServerResponse } from 'node:http';
import path from 'node:path';
import { readFile } from 'node:fs/promises';
import { TakoError } from '@tako/config';
import { stopAccepting } from '../listeners/stop-accepting.ts';
import type { Log } from '../log.ts';
import { pause, withDeadline } from '../timing.ts';

const groupName = 'tako';

/** The gid of the group `tako`, when there is one (spec 40: 0660, group tako). */
async function managementGroup(): Promise<number | null> {
  const text = await readFile('/etc/group', 'utf8').catch(() => '');
  const line = text.split('\n').find((entry) => entry.startsWith(`${groupName}:`));
  const gid = Number(line?.split(':')[2] ?? Number.NaN);
  return Number.isInteger(gid) ? gid : null;
}

async function linkTo(socketPath: string, target: string): Promise<void> {
  const temporary = `${socketPath}.${process.pid}`;
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  await rename(temporary, socketPath);
}

/** Accepts no more; resolves when its connections have ended. */
function stopServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Who answers, and what ends the streams that it has open. */
export interface ManagementAnswers {
  readonly handler: RequestListener;
  readonly streams: AbortController;
}

export interface ManagementSocket extends AsyncDisposable {
  /** Makes it the one that clients find, by one rename. A successor does so when it is ready, not before. */
  link(): Promise<void>;
  /** From now on this one answers, also what waits since `keep`. */
  serve(answers: ManagementAnswers): void;
  /**
   * A handoff failed and this very process starts its daemon anew: the socket stays, through a disposal too, and what
   * is asked meanwhile waits for the next `serve`.
   */
  keep(): void;
  /**
   * After a handoff, when the link is another's: answers what still comes for `answerMs`, each answer the last of its
   * connection, then finishes what is asked within `drainMs`; streams end.
   */
  lameDuck(answerMs: number, drainMs: number): Promise<void>;
}

type Waiting = readonly [IncomingMessage, ServerResponse];

interface DoorSpec {
  readonly socketPath: string;
  /** Listening sockets of the service manager: answered on as well from `link` on, closed with this. */
  readonly fds: readonly number[];
  /** One of those is at `socketPath`, which is then left to its owner. */
  readonly activated: boolean;
  readonly answers: ManagementAnswers;
  readonly serverOptions: ServerOptions;
  readonly log: Log;
}

class Door implements ManagementSocket {
  readonly server: Server;
  readonly #spec: DoorSpec;
  readonly #own: string;
  readonly #unused: number[];
  readonly #activated: Server[] = [];
  #answers: ManagementAnswers | null;
  #waiting: Waiting[] = [];
  #leaving = false;

  constructor(spec: DoorSpec, own: string) {
    this.#spec = spec;
    this.#own = own;
    this.#unused = [...spec.fds];
    this.#answers = spec.answers;
    this.server = this.#create();
  }

  async link(): Promise<void> {
    const { activated, socketPath } = this.#spec;
    this.#activated.push(...this.#unused.splice(0).map((fd) => this.#create().listen({ fd })));
    if (!activated) await linkTo(socketPath, path.basename(this.#own));
  }

  serve(answers: ManagementAnswers): void {
    this.#answers = answers;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [request, response] of waiting) answers.handler(request, response);
  }

  keep(): void {
    this.#answers?.streams.abort();
    this.#answers = null;
  }

  async lameDuck(answerMs: number, drainMs: number): Promise<void> {
    this.#leaving = true;
    // Sockets that the successor shares are its alone from now on.
    const shared = this.#activated.map((each) => stopAccepting(each, drainMs));
    await pause(answerMs, new AbortController().signal);
    const closed = Promise.all([stopServer(this.server), ...shared]);
    this.#answers?.streams.abort();
    await withDeadline(closed, drainMs, undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#answers === null) return;
    const all = [this.server, ...this.#activated];
    const closed = Promise.all(all.map(stopServer));
    this.#answers.streams.abort();
    for (const each of all) each.closeAllConnections();
    await closed;
    for (const fd of this.#unused.splice(0)) closeSync(fd);
    await rm(this.#own, { force: true });
    // After a handoff the link is the successor's; what is no link was never ours.
    const { socketPath } = this.#spec;
    const target = await readlink(socketPath).catch(() => null);
    if (target === path.basename(this.#own)) await rm(socketPath, { force: true });
  }

  #create(): Server {
    const { serverOptions, log } = this.#spec;
    const server = createServer(serverOptions, (request, response) => {
      if (this.#leaving) response.setHeader('connection', 'close');
      if (this.#answers === null) this.#waiting.push([request, response]);
      else this.#answers.handler(request, response);
    });
    server.on('clientError', (error, socket) => {
      log.debug({ err: error }, 'management client broke off');
      socket.destroy();
    });
    return server;
  }
}

/** Throws LISTEN_FAILED. Created under umask 0117: mode 0660 from the first moment. */
export async function openManagementSocket(spec: DoorSpec): Promise<ManagementSocket> {
  const own = path.join(path.dirname(spec.socketPath), `tako-${process.pid}.sock`);
  const door = new Door(spec, own);
  const { server } = door;
  await rm(own, { force: true });
  const umask = process.umask(0o117);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(own, resolve);
    });
  } catch (cause) {
    throw new TakoError('LISTEN_FAILED', `cannot create the management socket ${own}`, {
      hint: 'the folder must exist and be writable; a path has at most 107 bytes',
      cause,
      details: { path: own },
    });
  } finally {
    process.umask(umask);
  }
  const gid = await managementGroup();
  if (gid !== null && process.getuid?.() === 0) await chown(own, 0, gid);
  return door;
}
