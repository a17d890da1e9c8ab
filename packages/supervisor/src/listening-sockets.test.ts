import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { findListeningSockets, formatListeningSocket, parseListeningSockets } from './listening-sockets.ts';

const header =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';

test('listening sockets of both families are read from the tables of the kernel', () => {
  const tcp = [
    header,
    '   0: 0100007F:1435 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 111 1 0 100 0 0 10 0',
    '   1: 0100007F:1436 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 112 1 0 20 4 30 10 -1',
    '',
  ].join('\n');
  expect(parseListeningSockets(tcp)).toEqual([{ address: '127.0.0.1', port: 5173, uid: 1000, inode: 111 }]);
  const line = (address: string): string =>
    `${header}\n   0: ${address}:0BB8 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1`;
  const address = (hex: string): string | undefined =>
    parseListeningSockets(line(hex)).map(formatListeningSocket)[0];
  expect(address('00000000000000000000000001000000')).toBe('[::1]:3000');
  expect(address('00000000000000000000000000000000')).toBe('[::]:3000');
  expect(address('B80D0120000000000000000001000000')).toBe('[2001:db8::1]:3000');
  expect(parseListeningSockets('')).toEqual([]);
});

test.each(['127.0.0.1', '0.0.0.0', '::1'])(
  'a socket of this process on %s is found, and of no other',
  async (host) => {
    await using server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, host, resolve);
    });
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const mine = findListeningSockets([process.pid], null);
    expect(mine).toContainEqual(expect.objectContaining({ address: host, port }));
    expect(findListeningSockets([2 ** 22 - 1], null)).toEqual([]);
    expect(findListeningSockets([process.pid], 64_777).length).toBe(mine.length);
  },
);
