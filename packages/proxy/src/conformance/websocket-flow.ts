// Conformance: an upgraded connection whose reader stops for a while. Nothing is lost or changed, and what the reader does
// not take stays with the sender.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { startRawApp } from './test-app.ts';
import { makeCertificate } from './test-certificates.ts';
import { headOf, RawClient, statusOf } from './test-client.ts';
import {
  instanceAt,
  startPlane,
  testHost,
  until,
  type LaneUnderTest,
  type TestPlane,
  standsStill,
} from './test-plane.ts';

const mebibyte = 1024 * 1024;
const totalBytes = 64 * mebibyte;
/** What two connections' worth of kernel buffers take at most (tcp_wmem and tcp_rmem), and the plane's own marks. */
const heldBytesMax = 32 * mebibyte;

const upgradeHead = headOf(
  'GET / HTTP/1.1',
  `Host: ${testHost}`,
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
);

/** Octets that tell each place from its neighbours. */
function patternOf(bytes: number): Buffer {
  const pattern = Buffer.allocUnsafe(bytes);
  for (let index = 0; index + 4 <= bytes; index += 4)
    pattern.writeUInt32LE(Math.imul(index, 2_654_435_761) >>> 0, index);
  return pattern;
}

const pattern = patternOf(totalBytes);
const sumOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Writes all of it in pieces of many sizes, as fast as the stream takes them; tells how much that was. */
class Pump {
  taken = 0;

  constructor(to: Duplex) {
    let size = 1;
    const more = (): void => {
      while (this.taken < totalBytes) {
        size = (size * 31 + 7) % 200_000;
        const piece = pattern.subarray(this.taken, this.taken + size + 1);
        this.taken += piece.length;
        if (!to.write(piece)) {
          to.once('drain', more);
          return;
        }
      }
    };
    more();
  }
}

async function receivesAll(from: Duplex): Promise<string> {
  const hash = createHash('sha256');
  let received = 0;
  for await (const chunk of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    received += chunk.length;
    if (received >= totalBytes) break;
  }
  return hash.digest('hex');
}

/** Reads up to the end of the answer's head, and no further. */
async function readHead(from: Duplex): Promise<void> {
  let text = '';
  while (!text.endsWith('\r\n\r\n')) {
    const octet = from.read(1) as Buffer | null;
    if (octet === null) await once(from, 'readable');
    else text += octet.toString('latin1');
  }
}

/** Other connections are read meanwhile, into whatever buffer they share with this one. */
async function readsSomethingElse(plane: TestPlane): Promise<void> {
  using other = await RawClient.open(plane.port);
  const fields = Array.from({ length: 8 }, (_, index) => `X-Other-${index}: ${'z'.repeat(6_000)}`);
  other.send(headOf('GET / HTTP/1.1', 'Host: nobody.example.org', 'Connection: close', ...fields));
  expect(statusOf(await other.ends())).toBe(404);
}

function openClient(plane: TestPlane, isEncrypted: boolean): Duplex {
  return isEncrypted
    ? connectTls({
        port: plane.httpsPort,
        host: '127.0.0.1',
        servername: testHost,
        rejectUnauthorized: false,
      })
    : connect(plane.port, '127.0.0.1');
}

export function describeWebSocketFlow(lane: LaneUnderTest): void {
  describe.each([
    ['in clear', false],
    ['over TLS', true],
  ])(`flow of a WebSocket (${lane.name}, %s)`, (_title, isEncrypted) => {
    test.each([
      ['down', false],
      ['up', true],
    ])(
      '64 MiB %s arrive unchanged past a reader that pauses; meanwhile they stay with the sender',
      { timeout: 60_000 },
      async (_direction, isUp) => {
        const upgraded = Promise.withResolvers<Socket>();
        await using app = await startRawApp((socket) => {
          socket.once('readable', () => {
            void readHead(socket).then(() => {
              socket.write(
                headOf('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket'),
              );
              upgraded.resolve(socket);
            });
          });
        });
        await using plane = await startPlane(lane, {
          https: true,
          certificates: [await makeCertificate([testHost])],
          deployments: [{ instances: [instanceAt(app.port)] }],
        });
        const client = openClient(plane, isEncrypted);
        client.write(upgradeHead);
        await readHead(client);
        const server = await upgraded.promise;
        const [sender, reader] = isUp ? [client, server] : [server, client];
        const pump = new Pump(sender);
        await standsStill(() => pump.taken);
        expect(pump.taken).toBeLessThan(heldBytesMax);
        await readsSomethingElse(plane);
        expect(await receivesAll(reader)).toBe(sumOf(pattern));
        client.destroy();
        await until(() => plane.plane.inspect().requests.inFlight === 0);
      },
    );
  });
}
