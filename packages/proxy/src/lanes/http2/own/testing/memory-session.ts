// A connection framed by us over a socket that is none: what it is given it takes at once, and what it writes is there to
// be read when the turn is said to be over. Time stands still.
import { Socket } from 'node:net';
import { FrameReader, type Frame } from '../../../../conformance/http2-frames.ts';
import { HpackEncoder } from '../../../../h2/hpack/index.ts';
import { defaultLimits, type Limits } from '../../../../limits.ts';
import { DeadlineWheel } from '../../../../timing/deadline-wheel.ts';
import { DateText } from '../../../fast/date-text.ts';
import type { LaneDeps } from '../../../general/lane-deps.ts';
import { StaticReads } from '../../../static-reads.ts';
import { Http2Connection } from '../../http2-connection.ts';
import { OutputTurn, type TurnOutput } from '../output-turn.ts';
import { ResponseBlocks } from '../response-blocks.ts';
import { ServerSession, type SessionEvents } from '../server-session.ts';

/** Takes all, or nothing until it is told to. */
class MemorySocket extends Socket {
  isTaking = true;
  /** How often somebody asked whether it takes more. */
  looks = 0;
  readonly #taken: Buffer[] = [];
  #done: (() => void) | null = null;

  constructor() {
    super();
    const look = (): unknown => {
      this.looks += 1;
      return Reflect.get(Socket.prototype, 'writableNeedDrain', this);
    };
    Object.defineProperty(this, 'writableNeedDrain', { get: look });
  }

  override _write(octets: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#taken.push(Buffer.from(octets));
    if (this.isTaking) done();
    else this.#done = done;
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'latin1', done);
  }

  takeAll(): void {
    this.isTaking = true;
    const done = this.#done;
    this.#done = null;
    done?.();
  }

  get octets(): Buffer {
    return Buffer.concat(this.#taken);
  }
}

/** Many sessions may share one, and the buffers that it keeps. */
export class TurnByHand extends OutputTurn {
  #waiting: TurnOutput[] = [];

  override add(output: TurnOutput): void {
    this.#waiting.push(output);
  }

  over(): void {
    for (const output of this.#waiting.splice(0)) output.flush();
  }
}

const clock = { now: () => 0, after: () => () => undefined };
const reads = new StaticReads();

export class MemorySession {
  readonly socket = new MemorySocket();
  readonly session: ServerSession;
  readonly #turn: TurnByHand;

  constructor(
    request: SessionEvents['request'],
    limits: Partial<Limits> = {},
    turn: TurnByHand = new TurnByHand(),
  ) {
    this.#turn = turn;
    const deps: LaneDeps = {
      limits: { ...defaultLimits, ...limits },
      clock,
      wheel: new DeadlineWheel(clock, 50),
      reads,
      run: () => undefined,
      refused: () => undefined,
      isLame: () => false,
    };
    const { socket } = this;
    this.session = new ServerSession({
      socket,
      encrypted: false,
      deps,
      turn,
      blocks: new ResponseBlocks(new HpackEncoder(), new DateText()),
      events: {
        request,
        greeted: () => connection.greeted(),
        controlFrame: () => connection.controlFrame(),
        aborted: () => connection.aborted(),
      },
    });
    const facts = { tls: false, cordoned: false } as Http2Connection['facts'];
    const connection = new Http2Connection({ socket, end: this.session, facts, deps });
  }

  /** As if they had been read from the socket. */
  give(...octets: readonly Buffer[]): void {
    const all = Buffer.concat(octets);
    this.session.take(all, 0, all.length);
  }

  /** What was written, to the end of this turn. */
  frames(): Frame[] {
    this.#turn.over();
    return new FrameReader().push(this.socket.octets);
  }
}
