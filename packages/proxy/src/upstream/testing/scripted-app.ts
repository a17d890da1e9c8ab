// Test support: a raw TCP app whose every connection is given to a script, so that a test says byte by byte and
// moment by moment what the app does.
import { once } from 'node:events';
import net from 'node:net';
import type { UpstreamTarget } from '../upstream.types.ts';

export interface ScriptedApp extends AsyncDisposable {
  readonly target: UpstreamTarget;
  /** Connections accepted so far. */
  readonly accepted: () => number;
  readonly open: () => number;
  /** Settles when a further connection closes. */
  readonly nextClose: () => Promise<void>;
  readonly stopListening: () => Promise<void>;
}

/** `serve` gets each connection with its number, from 1. */
export async function startScriptedApp(
  serve: (socket: net.Socket, connection: number) => void,
): Promise<ScriptedApp> {
  let accepted = 0;
  const sockets = new Set<net.Socket>();
  let closing: (() => void)[] = [];
  const server = net.createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    // Resets are part of what these tests do.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      const woken = closing;
      closing = [];
      for (const wake of woken) wake();
    });
    serve(socket, accepted);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  };
  return {
    target: { id: 'app-1', host: '127.0.0.1', port: address.port, protocol: 'http1' },
    accepted: () => accepted,
    open: () => sockets.size,
    nextClose: () => new Promise((wake) => closing.push(wake)),
    stopListening: stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Answers every request head (bodies must be empty) with the bytes given. */
export function answerEach(
  answer: (request: string, count: number) => string | null,
): (socket: net.Socket) => void {
  return (socket) => {
    let held = '';
    let count = 0;
    socket.on('data', (chunk: Buffer) => {
      held += chunk.toString('latin1');
      for (let end = held.indexOf('\r\n\r\n'); end !== -1; end = held.indexOf('\r\n\r\n')) {
        const request = held.slice(0, end + 4);
        held = held.slice(end + 4);
        count += 1;
        const text = answer(request, count);
        if (text !== null) socket.write(text, 'latin1');
      }
    });
  };
}

export const sized = (body: string, ...fields: string[]): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n${body}`;
