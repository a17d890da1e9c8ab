// The HTTP/2 lane: connections that were accepted elsewhere, over TLS by ALPN or in clear by prior knowledge, framed by us.
// Makes one Exchange of each stream and hands it to policy.
import type { Socket } from 'node:net';
import { HpackEncoder } from '../../../h2/hpack/index.ts';
import type { ConnectionFacts } from '../../../pipeline/exchange.ts';
import { DateText } from '../../fast/date-text.ts';
import type { Lane } from '../../lane.ts';
import { Http2Connection } from '../http2-connection.ts';
import { Http2Exchange } from '../http2-exchange.ts';
import type { Http2LaneParts } from '../http2-lane-parts.ts';
import { OutputTurn } from './output-turn.ts';
import { ResponseBlocks } from './response-blocks.ts';
import { ServerSession } from './server-session.ts';

export class Http2Lane implements Lane {
  readonly #parts: Http2LaneParts;
  readonly #turn = new OutputTurn();
  readonly #blocks = new ResponseBlocks(new HpackEncoder(), new DateText());
  readonly #connections = new Set<Http2Connection>();

  constructor(parts: Http2LaneParts) {
    this.#parts = parts;
  }

  get connections(): Iterable<Http2Connection> {
    return this.#connections;
  }

  get size(): number {
    return this.#connections.size;
  }

  serve(socket: Socket, given: ConnectionFacts): void {
    if (socket.destroyed) return;
    const facts: ConnectionFacts = { ...given, lane: 'http2' };
    const parts = this.#parts;
    const { deps } = parts;
    const session = new ServerSession({
      socket,
      encrypted: facts.tls,
      deps,
      turn: this.#turn,
      blocks: this.#blocks,
      events: {
        request: (stream, section, endsStream) => {
          deps.run(new Http2Exchange({ stream, section, endsStream, connection, parts }));
        },
        greeted: () => connection.greeted(),
        controlFrame: () => connection.controlFrame(),
        aborted: () => connection.aborted(),
      },
    });
    const connection = new Http2Connection({ socket, end: session, facts, deps });
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
    session.start();
  }
}
