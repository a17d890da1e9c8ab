// A Unix socket in front of another: passes everything on, until it is told to swallow what comes after so many bytes
// of one connection. For faults in the middle of an upload. It knows nothing of what passes.
import fs from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

export interface SocketGate extends AsyncDisposable {
  readonly socketPath: string;
  /** Resolves when a client has sent so many bytes over one connection; what it sends after them arrives nowhere. */
  swallowAfter(bytes: number): Promise<void>;
  passAll(): void;
}

export async function openSocketGate(target: string): Promise<SocketGate> {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tako-gate-'));
  const socketPath = path.join(dir, 'gate.sock');
  const sockets = new Set<net.Socket>();
  const state = { bytesMax: Infinity, reached: Promise.withResolvers<void>() };
  const server = net.createServer((client) => {
    const upstream = net.connect(target);
    let passed = 0;
    // Always read, so that the end of the client is noticed.
    client.on('data', (chunk: Buffer) => {
      if (passed >= state.bytesMax) return;
      upstream.write(chunk);
      passed += chunk.length;
      if (passed >= state.bytesMax) state.reached.resolve();
    });
    upstream.on('data', (chunk: Buffer) => client.write(chunk));
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('end', () => other.end());
      // The other side learns of it by the close.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    swallowAfter: (bytes) => {
      Object.assign(state, { bytesMax: bytes, reached: Promise.withResolvers<void>() });
      return state.reached.promise;
    },
    passAll: () => void (state.bytesMax = Infinity),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await fs.rm(dir, { recursive: true, force: true });
    },
  };
}
