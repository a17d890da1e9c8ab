// HTTP/2 by Node's stream API, where the general lane serves all of HTTP/1.1: the same exchanges, framed by nghttp2. Makes
// one Exchange of each stream and hands it to policy.
import { performServerHandshake, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { cancelStream } from '../../../h2/stream-endings.ts';
import type { ConnectionFacts } from '../../../pipeline/exchange.ts';
import type { RawHeaders } from '../../../upstream/index.ts';
import type { Limits } from '../../../limits.ts';
import type { Lane } from '../../lane.ts';
import { Http2Connection } from '../http2-connection.ts';
import { Http2Exchange } from '../http2-exchange.ts';
import type { Http2LaneParts } from '../http2-lane-parts.ts';
import { connectionWindowBytes, fieldsPerSectionMax, streamWindowBytes } from '../local-settings.ts';
import { RequestSection } from '../request-section.ts';
import { NodeStream } from './node-stream.ts';
import { SessionEnd } from './session-end.ts';

/** Room for every stream to be blocked at its high-water mark with one read of the app's on top (128 × 192 KiB). */
const sessionMegabytesMax = 32;
/** One read of 64 KiB holds about 2,400 streams that are opened and reset. */
const resetsBehindFactor = 8;

export class NodeHttp2Lane implements Lane {
  readonly #parts: Http2LaneParts;
  readonly #options: object;
  readonly #connections = new Set<Http2Connection>();

  constructor(parts: Http2LaneParts) {
    this.#parts = parts;
    this.#options = sessionOptions(parts.deps.limits);
  }

  get connections(): Iterable<Http2Connection> {
    return this.#connections;
  }

  get size(): number {
    return this.#connections.size;
  }

  serve(socket: Socket, facts: ConnectionFacts): void {
    if (socket.destroyed) return;
    const session = performServerHandshake(socket, this.#options);
    const { deps } = this.#parts;
    const end = new SessionEnd(session, socket, deps);
    const connection = new Http2Connection({ socket, end, facts: { ...facts, lane: 'http2' }, deps });
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
    session.setLocalWindowSize(connectionWindowBytes);
    // Told by 'close' too; without a listener an error would end the process.
    session.on('error', ignore);
    session.on('ping', () => connection.controlFrame());
    session.on('remoteSettings', () => connection.greeted());
    session.on('stream', (stream, _fields: IncomingHttpHeaders, _flags, raw?: RawHeaders) =>
      this.#stream(connection, stream, raw ?? []),
    );
  }

  #stream(connection: Http2Connection, stream: ServerHttp2Stream, fields: RawHeaders): void {
    // Node tells of resets by errors too; 'close' is what counts. Before anything else: an error that nobody hears
    // would end the process.
    stream.on('error', ignore);
    const section = stream.destroyed || stream.closed ? null : RequestSection.read(fields);
    if (section === null) {
      // Reset before it was looked at, or not a request after all: nothing to serve, but it counts.
      connection.aborted();
      cancelStream(stream);
      return;
    }
    const endsStream = stream.endAfterHeaders;
    const exchange = new Http2Exchange({
      stream: new NodeStream(stream, endsStream),
      section,
      endsStream,
      connection,
      parts: this.#parts,
    });
    this.#parts.deps.run(exchange);
  }
}

function sessionOptions(limits: Limits): object {
  return {
    settings: {
      maxConcurrentStreams: limits.http2StreamsMax,
      maxHeaderListSize: limits.http2FieldSectionBytesMax,
      initialWindowSize: streamWindowBytes(limits),
      enableConnectProtocol: true,
      enablePush: false,
    },
    maxHeaderListPairs: fieldsPerSectionMax(limits),
    maxSessionMemory: sessionMegabytesMax,
    maxSessionInvalidFrames: limits.http2EmptyFramesMax,
    // Counted by us, who say ENHANCE_YOUR_CALM; nghttp2 counts too, and must not be first when one read brings many.
    streamResetBurst: limits.http2ResetsBurst * resetsBehindFactor,
    streamResetRate: limits.http2ResetsPerSecond * resetsBehindFactor,
    // What an app repeats is passed on as it is (`Vary`, `Content-Type` even): not ours to refuse.
    strictSingleValueFields: false,
  };
}

function ignore(): void {
  // Deliberately nothing: see where it is used.
}
