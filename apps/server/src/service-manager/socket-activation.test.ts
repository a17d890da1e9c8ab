// The real systemd-socket-activate, and sockets handed over as any other parent would.
import { spawn } from 'node:child_process';
import type { ChildProcess, IOType } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, openSync, closeSync } from 'node:fs';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import type { InheritedSocket } from './socket-activation.ts';

const program = path.join(import.meta.dirname, 'testing', 'activated-program.ts');
const node = ['--conditions=source', '--disable-warning=ExperimentalWarning', program];
const places = { httpPort: 0, httpsPort: 0, socket: '/run/tako/tako.sock', metricsPort: null };
const activator = '/usr/bin/systemd-socket-activate';
const hasSystemd = existsSync(activator);
if (!hasSystemd && process.env['TAKO_TEST_ALL'] === '1')
  throw new Error(`${activator} is missing (Debian package systemd)`);
const needsSystemd = hasSystemd ? '' : ' (skipped: systemd-socket-activate is missing)';

interface Said {
  readonly sockets: InheritedSocket[];
  readonly left: string[];
  readonly inChild: InheritedSocket[];
  readonly code?: string;
  readonly message?: string;
  readonly hint?: string;
}

async function said(child: ChildProcess): Promise<Said> {
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  let output = '';
  for await (const chunk of child.stdout ?? []) {
    output += String(chunk);
    if (output.includes('\n')) return JSON.parse(output);
  }
  throw new Error(`the program ended without a word: ${output}`);
}

interface Handing {
  /** Descriptors from 3 up; `stdin` replaces 0. */
  readonly fds?: readonly (number | IOType)[];
  readonly stdin?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly listenFd?: string;
  readonly places?: Partial<typeof places>;
}

function hand({ fds = [], stdin, env = {}, listenFd, places: changed = {} }: Handing): Promise<Said> {
  const args = [
    ...node,
    JSON.stringify({ ...places, ...changed }),
    ...(listenFd === undefined ? [] : [listenFd]),
  ];
  return said(
    spawn(process.execPath, args, { stdio: [stdin ?? 'ignore', 'pipe', 'inherit', ...fds], env: { ...env } }),
  );
}

/** A socket that listens and never accepts: its backlog holds who connects. */
async function listener(
  where: net.ListenOptions = { port: 0, host: '127.0.0.1' },
): Promise<{ fd: number; port: number; close: () => void }> {
  const server = net.createServer();
  server.listen(where);
  await once(server, 'listening');
  const handle = (server as unknown as { _handle: { fd: number; onconnection: null } })._handle;
  const address = server.address() as AddressInfo | string;
  onTestFinished(() => void server.close());
  return { fd: handle.fd, port: typeof address === 'string' ? 0 : address.port, close: () => server.close() };
}

/** Our copy is closed first, or both would accept. */
async function answer(where: net.NetConnectOpts): Promise<string> {
  return text(net.connect(where));
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** Started by systemd-socket-activate, which runs the program at the first connection; that one waits in the backlog. */
async function activate(
  listeners: readonly string[],
  options: { fdname?: string; places?: Partial<typeof places> },
): Promise<ChildProcess> {
  const names = options.fdname === undefined ? [] : [`--fdname=${options.fdname}`];
  const run = [process.execPath, ...node, JSON.stringify({ ...places, ...options.places })];
  const child = spawn(activator, [...listeners.flatMap((listener) => ['-l', listener]), ...names, ...run], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let notes = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      notes += String(chunk);
      if (notes.split('Listening on').length > listeners.length) resolve();
    });
    child.once('exit', () => reject(new Error(`systemd-socket-activate ended: ${notes}`)));
  });
  return child;
}

test.runIf(hasSystemd)(
  `systemd-socket-activate hands over named sockets, and they serve${needsSystemd}`,
  async () => {
    const [http = 0, https = 0] = await freePorts(2);
    const child = await activate([`127.0.0.1:${http}`, `[::1]:${https}`], { fdname: 'http:https' });
    const first = answer({ host: '127.0.0.1', port: http });
    const { sockets, left, inChild } = await said(child);
    expect(sockets).toEqual([
      { kind: 'http', address: '127.0.0.1', port: http, fd: 3 },
      { kind: 'https', address: '::1', port: https, fd: 4 },
    ]);
    expect(left).toEqual([]);
    expect(inChild).toEqual([]);
    expect(await first).toBe('http');
    expect(await answer({ host: '::1', port: https })).toBe('https');
  },
);

test.runIf(hasSystemd)(`without names the ports decide${needsSystemd}`, async () => {
  const [http = 0, https = 0] = await freePorts(2);
  const listeners = [`127.0.0.1:${https}`, `127.0.0.1:${http}`];
  const child = await activate(listeners, { places: { httpPort: http, httpsPort: https } });
  const first = answer({ host: '127.0.0.1', port: https });
  const { sockets } = await said(child);
  expect(sockets.map(({ kind, port }) => [kind, port])).toEqual([
    ['https', https],
    ['http', http],
  ]);
  expect(await first).toBe('https');
});

test('sockets of another supervisor: --listen-fd names them, several to a kind, also above a gap', async () => {
  const [one, two, three] = [await listener(), await listener(), await listener()];
  const gap = Array.from({ length: 30 }, () => 'ignore' as const);
  const { sockets, inChild } = await hand({
    fds: [one.fd, two.fd, ...gap, three.fd],
    listenFd: 'http=3,http=4,https=35',
  });
  expect(sockets.map(({ kind, port, fd }) => [kind, port, fd])).toEqual([
    ['http', one.port, 3],
    ['http', two.port, 4],
    ['https', three.port, 35],
  ]);
  // Node marks descriptors as its own up to the first gap only: an app would have got the third.
  expect(inChild).toEqual([]);
  one.close();
  expect(await answer({ host: '127.0.0.1', port: one.port })).toBe('http');
});

test("catflap's LISTEN_FD: one socket, whose port is not known, is plain HTTP", async () => {
  const { fd, port } = await listener();
  const { sockets, left } = await hand({ fds: [fd], env: { LISTEN_FD: '3' } });
  expect(sockets).toEqual([{ kind: 'http', address: '127.0.0.1', port, fd: 3 }]);
  expect(left).toEqual([]);
});

test('a listening socket as standard input is moved above 2, and children get /dev/null instead', async () => {
  const { fd, port, close } = await listener();
  const { sockets, inChild } = await hand({ stdin: fd });
  expect(sockets).toMatchObject([{ kind: 'http', address: '127.0.0.1', port }]);
  expect(sockets[0]?.fd).toBeGreaterThan(2);
  expect(inChild).toEqual([]);
  close();
  expect(await answer({ host: '127.0.0.1', port })).toBe('http');
});

test('an accepted connection or a file as standard input is not taken for a listener', async () => {
  const file = openSync('/dev/null', 'r');
  onTestFinished(() => closeSync(file));
  expect(await hand({ stdin: file })).toMatchObject({ sockets: [] });
  const { port } = await listener();
  const client = net.connect({ host: '127.0.0.1', port });
  await once(client, 'connect');
  onTestFinished(() => void client.destroy());
  const { fd } = (client as unknown as { _handle: { fd: number } })._handle;
  expect(await hand({ stdin: fd })).toMatchObject({ sockets: [] });
});

test('Unix sockets: the management socket by its path or name, any other is HTTP behind a front', async () => {
  await using directory = await temporaryDirectory();
  const [front, own] = [path.join(directory.path, 'front.sock'), path.join(directory.path, 'tako.sock')];
  const [one, two] = [await listener({ path: front }), await listener({ path: own })];
  const expected = [
    { kind: 'http', address: front, port: 0, fd: 3 },
    { kind: 'management', address: own, port: 0, fd: 4 },
  ];
  const fds = [one.fd, two.fd];
  expect((await hand({ fds, env: { LISTEN_FDS: '2' }, places: { socket: own } })).sockets).toEqual(expected);
  expect((await hand({ fds, env: { LISTEN_FDS: '2', LISTEN_FDNAMES: 'web:management' } })).sockets).toEqual(
    expected,
  );
});

test('one port on two addresses without a name is plain HTTP; two ports are not guessed at', async () => {
  const one = await listener();
  const other = await listener({ host: '::1', port: one.port });
  const env = { LISTEN_FDS: '2' };
  expect((await hand({ fds: [one.fd, other.fd], env })).sockets.map(({ kind }) => kind)).toEqual([
    'http',
    'http',
  ]);
  const third = await listener();
  const refused = await hand({ fds: [one.fd, third.fd], env });
  expect(refused).toMatchObject({ code: 'INHERITED_SOCKET_INVALID' });
  expect(refused.message).toContain(`127.0.0.1:${third.port}`);
  expect(refused.hint).toContain('FileDescriptorName=http');
});

test('what is no listening stream socket is refused, saying which and why', async () => {
  const file = openSync('/dev/null', 'r');
  onTestFinished(() => closeSync(file));
  const bound = new net.BoundSocket({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => bound[Symbol.dispose]());
  const cases: [Handing, RegExp][] = [
    [{ listenFd: 'http=900' }, /descriptor 900 .* is not open/],
    [{ fds: [file], env: { LISTEN_FDS: '1' } }, /descriptor 3 of LISTEN_FDS is not a socket/],
    [
      { fds: [bound.fd()], env: { LISTEN_FD: '3' } },
      /descriptor 3 of LISTEN_FD is not a listening stream socket/,
    ],
  ];
  for (const [handing, message] of cases) {
    const refused = await hand(handing);
    expect(refused.code).toBe('INHERITED_SOCKET_INVALID');
    expect(refused.message).toMatch(message);
    expect(refused.hint).toBeTruthy();
  }
});

test('a management socket that anybody could reach is refused', async () => {
  const { fd } = await listener();
  const refused = await hand({ fds: [fd], listenFd: 'management=3' });
  expect(refused).toMatchObject({ code: 'INHERITED_SOCKET_INVALID' });
  const abstract = await listener({ path: `\0tako-test-${process.pid}` });
  expect(await hand({ fds: [abstract.fd], listenFd: 'management=3' })).toMatchObject({
    code: 'INHERITED_SOCKET_INVALID',
  });
});

test('a management socket that everybody may write to is refused', async () => {
  await using directory = await temporaryDirectory();
  const own = path.join(directory.path, 'tako.sock');
  const { fd } = await listener({ path: own });
  chmodSync(own, 0o666);
  const refused = await hand({ fds: [fd], listenFd: 'management=3' });
  expect(refused).toMatchObject({ code: 'INHERITED_SOCKET_INVALID' });
  expect(refused.message).toContain('mode 0666');
  expect(refused.hint).toContain('SocketMode=0660');
});

test('nothing passed, or passed to another process: nothing is taken', async () => {
  const { fd } = await listener();
  expect(await hand({})).toMatchObject({ sockets: [], left: [] });
  expect(await hand({ fds: [fd], env: { LISTEN_FDS: '1', LISTEN_PID: '1' } })).toMatchObject({
    sockets: [],
    left: [],
  });
});
