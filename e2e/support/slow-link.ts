// A TCP relay as slow as a bad uplink: so many bytes a second each way, whatever waits is held back by it, as a modem's
// queue does. (netem would need a kernel module that not every machine has.) Knows nothing of what passes.
import { once } from 'node:events';
import net from 'node:net';
import { Transform, pipeline } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

export interface SlowLinkOptions {
  readonly targetPort: number;
  readonly bytesPerSecond: number;
}

export interface SlowLink extends AsyncDisposable {
  readonly port: number;
  /** What has passed towards the target, over all connections. */
  readonly passedBytes: number;
  /** Cuts every connection; new ones are accepted. */
  cut(): void;
}

/** Of one write to the other side: small beside what passes in a second, so that the rate is even. */
const pieceBytes = 4096;

export async function openSlowLink({ targetPort, bytesPerSecond }: SlowLinkOptions): Promise<SlowLink> {
  const sockets = new Set<net.Socket>();
  let passedBytes = 0;
  const slowly = (count: (bytes: number) => void): Transform => {
    // When the line is free again; a line that was idle has saved nothing up.
    let freeAt = performance.now();
    return new Transform({
      highWaterMark: pieceBytes,
      async transform(chunk: Buffer, _encoding, done) {
        for (let start = 0; start < chunk.length; start += pieceBytes) {
          const piece = chunk.subarray(start, start + pieceBytes);
          freeAt = Math.max(freeAt, performance.now()) + (piece.length / bytesPerSecond) * 1000;
          await delay(Math.max(0, freeAt - performance.now()));
          count(piece.length);
          this.push(piece);
        }
        done();
      },
    });
  };
  const server = net.createServer((client) => {
    const target = net.connect(targetPort, '127.0.0.1');
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    // The other side learns of an error by the close.
    const nothing = (): void => undefined;
    pipeline(
      client,
      slowly((bytes) => (passedBytes += bytes)),
      target,
      nothing,
    );
    pipeline(target, slowly(nothing), client, nothing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as net.AddressInfo).port,
    get passedBytes() {
      return passedBytes;
    },
    cut,
    [Symbol.asyncDispose]: async () => {
      server.close();
      cut();
      if (server.listening) await once(server, 'close');
    },
  };
}
