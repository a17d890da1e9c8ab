// A client that lives on a WebSocket: sends, checks each echo, and tells a proper end (1001) from a cut one.
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { type ClientContext, pause, repeatUnits } from '../client-context.ts';
import { SILENCE_MS } from '../limits.ts';
import { type Outcome, type Received, type Stage, failed, nothingReceived, reasonOf } from '../outcome.ts';
import { patternPieces } from '../pattern.ts';
import { openSocket } from '../target.ts';

/** RFC 6455 §7.4.1. */
const NORMAL_CLOSURE = 1000;
const GOING_AWAY = 1001;
const MESSAGE_BYTES_MAX = 20_000;

/** One unit is the life of one connection; it is opened again after each. */
export async function runWebSocket(context: ClientContext, intervalMs: number): Promise<void> {
  await repeatUnits(context, 'webSocket', { unit: () => new EchoSocket(context, intervalMs).live() });
}

class EchoSocket {
  readonly #context: ClientContext;
  readonly #intervalMs: number;
  readonly #socket: WebSocket;
  readonly #ended: Promise<Outcome>;
  #stage: Stage = 'connect';
  #received: Received = nothingReceived;
  #expected: Buffer | null = null;
  #onEcho: () => void = () => undefined;
  #problem: string | null = null;

  constructor(context: ClientContext, intervalMs: number) {
    this.#context = context;
    this.#intervalMs = intervalMs;
    const url = `${context.target.origin.replace(/^http/, 'ws')}/ws`;
    this.#socket = new WebSocket(url, {
      perMessageDeflate: false,
      handshakeTimeout: SILENCE_MS,
      createConnection: () => openSocket(context.target, ['http/1.1']),
    });
    this.#ended = this.#watch();
  }

  async live(): Promise<Outcome> {
    const cutOff = (): void => this.#break('did not end in time');
    this.#context.cutOff.addEventListener('abort', cutOff, { once: true });
    const opened = once(this.#socket, 'open').then(
      () => true,
      () => false,
    );
    if (await Promise.race([opened, this.#ended.then(() => false)])) await this.#talk();
    const outcome = await this.#ended;
    this.#context.cutOff.removeEventListener('abort', cutOff);
    return outcome;
  }

  /** Sends and awaits echoes until somebody ends the connection: the run by stopping, or the other side. */
  async #talk(): Promise<void> {
    this.#stage = 'message';
    while (!this.#context.stopping.aborted && this.#socket.readyState === WebSocket.OPEN) {
      const seed = this.#context.nextSeed();
      const message = Buffer.concat([
        ...patternPieces(seed, { from: 0, to: 1 + ((seed * 37) % MESSAGE_BYTES_MAX) }),
      ]);
      const echoed = new Promise<void>((resolve) => (this.#onEcho = resolve));
      this.#expected = message;
      this.#socket.send(message, () => undefined);
      const silence = setTimeout(() => this.#break('silence'), SILENCE_MS);
      await Promise.race([echoed, this.#ended]);
      clearTimeout(silence);
      await Promise.race([pause(this.#context, this.#intervalMs), this.#ended]);
    }
    this.#stage = 'end';
    this.#socket.close(NORMAL_CLOSURE);
  }

  async #watch(): Promise<Outcome> {
    const errors: string[] = [];
    this.#socket.on('upgrade', (response) => {
      const text = (name: string): string | null =>
        typeof response.headers[name] === 'string' ? response.headers[name] : null;
      this.#received = {
        ...this.#received,
        status: response.statusCode ?? null,
        version: text('x-app-version'),
        pid: text('x-app-pid'),
      };
    });
    this.#socket.on('unexpected-response', (request, response) => {
      this.#stage = 'head';
      this.#received = { ...this.#received, status: response.statusCode ?? null };
      this.#problem ??= `status ${response.statusCode}`;
      request.destroy();
      this.#socket.terminate();
    });
    this.#socket.on('error', (error) => errors.push(reasonOf(error)));
    this.#socket.on('message', (data) => this.#onMessage(data as Buffer));
    const code = await new Promise<number>((resolve) => this.#socket.once('close', resolve));
    if (this.#problem !== null) return failed(this.#stage, this.#problem, { received: this.#received });
    if (code === GOING_AWAY) return { kind: 'told', received: this.#received };
    if (code === NORMAL_CLOSURE && this.#stage === 'end') return { kind: 'ok', received: this.#received };
    return failed(this.#stage, [`close code ${code}`, ...errors.slice(0, 1)].join(', '), {
      received: this.#received,
    });
  }

  #onMessage(data: Buffer): void {
    const expected = this.#expected;
    this.#expected = null;
    if (expected === null) return this.#break('a message that nobody asked for');
    if (!expected.equals(data)) return this.#break('a wrong echo');
    this.#received = {
      ...this.#received,
      bytes: this.#received.bytes + data.length,
      messages: this.#received.messages + 1,
    };
    this.#onEcho();
  }

  #break(problem: string): void {
    this.#problem ??= problem;
    this.#socket.terminate();
  }
}
