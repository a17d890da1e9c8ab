// Two data planes that differ in their lanes only, each with an app of its own, given the same bytes.
import { once } from 'node:events';
import net from 'node:net';
import {
  instanceAt,
  startPlane,
  testHost,
  type LaneUnderTest,
  type TestPlane,
} from '../conformance/test-plane.ts';
import { readAnswers, type ClientAnswer } from './client-answers.ts';
import { RecordingApp, type DifferentialApp, type SeenByApp } from './recording-app.ts';

export interface Outcome {
  readonly app: readonly SeenByApp[];
  readonly client: readonly ClientAnswer[];
}

export interface RunOptions {
  /** The client ends its side after the last byte. */
  readonly halfClose?: boolean;
  /** Of the requests, in order; needed where one may be HEAD. */
  readonly methods?: readonly string[];
}

/** Short enough that inputs which are never finished end soon; the same on both sides. */
const limits = {
  headTimeoutMs: 250,
  bodyIdleTimeoutMs: 250,
  responseHeadTimeoutMs: 250,
  keepAliveTimeoutMs: 250,
  lingerMs: 2_000,
};

const quietMs = 5_000;

export class Side implements AsyncDisposable {
  readonly #plane: TestPlane;
  readonly #app: DifferentialApp;

  private constructor(plane: TestPlane, app: DifferentialApp) {
    this.#plane = plane;
    this.#app = app;
  }

  static async start(lane: LaneUnderTest, answering?: DifferentialApp): Promise<Side> {
    const app = answering ?? (await RecordingApp.start());
    const plane = await startPlane(lane, {
      deployments: [
        { routes: [testHost], instances: [instanceAt(app.port)], policy: { bodyBytesMax: 100_000 } },
      ],
      options: { limits },
    });
    return new Side(plane, app);
  }

  async run(pieces: readonly Buffer[], options: RunOptions = {}): Promise<Outcome> {
    this.#app.begin();
    const bytes = await sendAll(this.#plane.port, pieces, options.halfClose === true);
    while (this.#plane.plane.inspect().requests.inFlight > 0)
      await new Promise((resolve) => setTimeout(resolve, 1));
    return { app: this.#app.seen.slice(), client: withoutFarewell(readAnswers(bytes, options.methods)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#plane[Symbol.asyncDispose]();
    this.#app.close();
  }
}

/**
 * How a connection without a further request ends is no part of any answer: a lane may have seen the beginning of a
 * head that the other's parser kept to itself, and may or may not have known that this answer would be the last.
 */
function withoutFarewell(answers: readonly ClientAnswer[]): ClientAnswer[] {
  const meant = answers.at(-1)?.status === 408 ? answers.slice(0, -1) : answers;
  const last = meant.at(-1);
  if (last === undefined) return [];
  return [
    ...meant.slice(0, -1),
    { ...last, fields: last.fields.filter((field) => field !== 'connection: close') },
  ];
}

/** Everything that comes back until the connection is over, or nothing has come for long. */
async function sendAll(port: number, pieces: readonly Buffer[], halfClose: boolean): Promise<Buffer> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const received: Buffer[] = [];
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const over = new Promise<void>((resolve) => {
    socket.once('end', () => resolve());
    socket.once('close', () => resolve());
    socket.setTimeout(quietMs, () => resolve());
  });
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  for (const piece of pieces) {
    if (socket.destroyed) break;
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (halfClose) socket.end();
  await over;
  socket.destroy();
  return Buffer.concat(received);
}
