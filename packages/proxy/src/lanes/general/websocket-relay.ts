// Joins the two sides of an upgraded connection: what comes goes on, watched for idleness; the end is a close frame on both
// sides, or a cut.
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../timing/clock.ts';
import type { Deadline, DeadlineWheel } from '../../timing/deadline-wheel.ts';
import type { StaticReads } from '../static-reads.ts';
import { Passage } from './passage.ts';
import { closeFrameToClient, closeFrameToServer, WebSocketFrames } from './websocket-frames.ts';

export interface WebSocketRelayInput {
  readonly client: Duplex;
  readonly upstream: Duplex;
  readonly clock: Clock;
  readonly wheel: DeadlineWheel;
  readonly reads: StaticReads;
  /** 0 = none. */
  readonly idleTimeoutMs: number;
  readonly politeEndMs: number;
  readonly clientBytes: (bytes: number) => void;
  readonly upstreamBytes: (bytes: number) => void;
  /** How the client's side is cut where destroying it would not tell. */
  readonly cutClient?: () => void;
}

interface Direction {
  readonly sink: Duplex;
  readonly passage: Passage;
  readonly frames: WebSocketFrames;
  readonly closeFrame: Buffer;
  ended: boolean;
}

export class WebSocketRelay {
  readonly #input: WebSocketRelayInput;
  readonly #down: Direction;
  readonly #up: Direction;
  readonly #idle: Deadline;
  #lastByteAt: number;
  #ending = false;
  #cancel: (() => void) | null = null;

  constructor(input: WebSocketRelayInput) {
    this.#input = input;
    const { client, upstream, reads } = input;
    const down = (buffer: Buffer): void => this.#passed(this.#down, buffer, input.upstreamBytes);
    const up = (buffer: Buffer): void => this.#passed(this.#up, buffer, input.clientBytes);
    this.#down = {
      sink: client,
      passage: new Passage({ source: upstream, sink: client, reads, passed: down }),
      frames: new WebSocketFrames(),
      closeFrame: closeFrameToClient,
      ended: false,
    };
    this.#up = {
      sink: upstream,
      passage: new Passage({ source: client, sink: upstream, reads, passed: up }),
      frames: new WebSocketFrames(),
      closeFrame: closeFrameToServer(randomBytes(4)),
      ended: false,
    };
    this.#lastByteAt = input.clock.now();
    this.#idle = input.wheel.create(() => this.#lookIdle());
    if (input.idleTimeoutMs > 0) this.#idle.set(this.#lastByteAt + input.idleTimeoutMs);
    client.once('close', () => this.#release());
    upstream.once('close', () => this.#release());
    this.#down.passage.start();
    this.#up.passage.start();
  }

  /** At the next frame boundary of each direction; whoever does not come to one in time is cut. */
  endPolitely(): void {
    if (this.#ending) return;
    this.#ending = true;
    for (const direction of [this.#down, this.#up]) if (direction.frames.isAtBoundary) this.#end(direction);
    this.#cancel = this.#input.clock.after(this.#input.politeEndMs, () => this.cut());
  }

  cut(): void {
    const { client, cutClient } = this.#input;
    if (cutClient === undefined) client.destroy();
    else cutClient();
    this.#input.upstream.destroy();
  }

  #passed(direction: Direction, chunk: Buffer, count: (bytes: number) => void): void {
    this.#lastByteAt = this.#input.clock.now();
    count(chunk.length);
    direction.frames.push(chunk);
    if (this.#ending && direction.frames.isAtBoundary) this.#end(direction);
  }

  #end(direction: Direction): void {
    if (direction.ended) return;
    direction.ended = true;
    const { passage, sink, closeFrame } = direction;
    // What still comes (the other side's own close frame, mostly) is read into the void.
    passage.stop();
    if (sink.writable) sink.end(closeFrame);
  }

  #lookIdle(): void {
    const { idleTimeoutMs, clock } = this.#input;
    const dueAt = this.#lastByteAt + idleTimeoutMs;
    if (dueAt <= clock.now()) this.endPolitely();
    else this.#idle.set(dueAt);
  }

  #release(): void {
    this.#idle.end();
    this.#cancel?.();
    this.#cancel = null;
  }
}
