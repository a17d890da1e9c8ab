// Test support: apps that speak HTTP/2 in clear text. One on node:http2, and one that speaks frames by hand, for what no
// well-behaved app says.
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import type { Socket } from 'node:net';
import { type Frame, frame, FrameReader, frameType, preface } from '../../conformance/http2-frames.ts';
import type { UpstreamTarget } from '../upstream.types.ts';
import { startScriptedApp } from './scripted-app.ts';

export type AnswerStream = (
  stream: ServerHttp2Stream,
  fields: IncomingHttpHeaders,
  raw: readonly string[],
) => void;

export interface H2cApp extends AsyncDisposable {
  readonly target: UpstreamTarget;
  readonly port: number;
  readonly sessions: Set<ServerHttp2Session>;
  /** Sessions begun so far. */
  readonly accepted: () => number;
  /** Heads seen so far. */
  readonly seen: IncomingHttpHeaders[];
}

export async function startH2cApp(answer: AnswerStream, options: ServerOptions = {}): Promise<H2cApp> {
  const sessions = new Set<ServerHttp2Session>();
  const seen: IncomingHttpHeaders[] = [];
  let accepted = 0;
  const server = createServer(options);
  server.on('session', (session) => {
    accepted += 1;
    sessions.add(session);
    session.on('error', () => undefined);
    session.once('close', () => sessions.delete(session));
  });
  server.on('stream', (stream: ServerHttp2Stream, fields, _flags, raw?: readonly string[]) => {
    // Resets are part of what these tests do.
    stream.on('error', () => undefined);
    seen.push(fields);
    answer(stream, fields, raw ?? []);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const { port } = address;
  return {
    target: { id: 'app-1', host: '127.0.0.1', port, protocol: 'h2c' },
    port,
    sessions,
    accepted: () => accepted,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const session of sessions) session.destroy();
      await once(server, 'close');
    },
  };
}

/** A whole answer. */
export function answerWith(stream: ServerHttp2Stream, body: string, status = 200): void {
  if (stream.destroyed) return;
  stream.respond({ ':status': status, 'content-type': 'text/plain' });
  stream.end(body);
}

/** The body that came, once it has ended. */
export async function bodyOf(stream: ServerHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export interface FramePeer {
  readonly socket: Socket;
  readonly connection: number;
  readonly send: (...frames: readonly Buffer[]) => void;
}

/** `serve` gets each frame of the client; SETTINGS are said and acknowledged for it, with these values in them. */
export async function startFrameApp(
  serve: (peer: FramePeer, received: Frame) => void,
  settings: Buffer = Buffer.alloc(0),
): Promise<Awaited<ReturnType<typeof startScriptedApp>>> {
  const app = await startScriptedApp((socket, connection) => {
    const reader = new FrameReader();
    const peer: FramePeer = {
      socket,
      connection,
      send: (...frames) => void socket.write(Buffer.concat(frames)),
    };
    let isGreeted = false;
    let held = Buffer.alloc(0);
    peer.send(frame(frameType.settings, 0, 0, settings));
    socket.on('data', (chunk: Buffer) => {
      let bytes = chunk;
      if (!isGreeted) {
        held = Buffer.concat([held, chunk]);
        if (held.length < preface.length) return;
        isGreeted = true;
        bytes = held.subarray(preface.length);
      }
      for (const received of reader.push(bytes)) {
        const isAsked = received.type === frameType.settings && received.flags === 0;
        if (isAsked) peer.send(frame(frameType.settings, 1, 0));
        serve(peer, received);
      }
    });
  });
  return { ...app, target: { ...app.target, protocol: 'h2c' } };
}

/** One setting (RFC 9113 §6.5.1). */
export function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

export const maxConcurrentStreams = 3;

/** HEADERS with `:status: 200` (RFC 7541 appendix A, entry 8). */
export const okHead = (stream: number, flags = 0x4): Buffer =>
  frame(frameType.headers, flags, stream, Buffer.from([0x88]));

/** Flags of a head that is all there is. */
export const wholeHead = 0x5;

export function goaway(lastStream: number, code: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(lastStream, 0);
  payload.writeUInt32BE(code, 4);
  return frame(frameType.goaway, 0, 0, payload);
}

export function reset(stream: number, code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code, 0);
  return frame(frameType.rstStream, 0, stream, payload);
}
