// How a session ends that its client has spoilt: with a GOAWAY that says why, and in a way that the client gets to read
// it. Node says INTERNAL_ERROR for every flood, and resets a connection on which more is still coming.
import { constants, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '../../../timing/clock.ts';
import { closeLingering, type LingerLimits } from '../../general/lingering-close.ts';
import type { Http2SessionEnd } from '../http2-connection.ts';

/** Of nghttp2 (nghttp2.h): too many frames wait to be sent, too many SETTINGS, too many CONTINUATION. */
const floodNumbers: ReadonlySet<number> = new Set([-904, -537, -905]);
/** Of Node: empty DATA frames. */
const floodCodes: ReadonlySet<string> = new Set(['ERR_HTTP2_TOO_MANY_INVALID_FRAMES']);

export class SessionEnd implements Http2SessionEnd {
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #limits: LingerLimits;

  constructor(session: ServerHttp2Session, socket: Socket, { clock, limits }: SessionEndInput) {
    this.#session = session;
    this.#socket = socket;
    this.#clock = clock;
    this.#limits = limits;
    const destroy = session.destroy.bind(session);
    session.destroy = (error, code) => {
      if (error !== undefined && !session.destroyed) this.#keepReading();
      destroy(error, isFlood(error) ? constants.NGHTTP2_ENHANCE_YOUR_CALM : code);
    };
  }

  goAway(): void {
    this.#session.close();
  }

  flooded(reason: string): void {
    this.#session.destroy(new FloodError(reason));
  }

  cut(): void {
    this.#session.destroy();
    this.#socket.destroy();
  }

  /** Node destroys the socket once GOAWAY is written; with bytes unread that is a reset, which takes GOAWAY along. */
  #keepReading(): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    const destroy = socket.destroy.bind(socket);
    socket.destroy = () => {
      socket.destroy = destroy;
      closeLingering(socket, this.#clock, this.#limits);
      return socket.resume();
    };
  }
}

export interface SessionEndInput {
  readonly clock: Clock;
  readonly limits: LingerLimits;
}

class FloodError extends Error {}

function isFlood(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof FloodError) return true;
  const { errno, code } = error as NodeJS.ErrnoException;
  return (errno !== undefined && floodNumbers.has(errno)) || (code !== undefined && floodCodes.has(code));
}
