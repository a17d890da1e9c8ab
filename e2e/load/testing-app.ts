// For the generator's own tests: the load app as a process, and a TCP (or TLS) relay before it that can do harm on
// purpose and counts how often it did.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';

const appDir = path.resolve(import.meta.dirname, '../fixtures/load-app');

export interface LoadApp extends AsyncDisposable {
  readonly port: number;
  readonly child: ChildProcess;
  /** SIGTERM, and wait for the exit. */
  stop(): Promise<number | null>;
}

export async function startLoadApp(version = 'v1'): Promise<LoadApp> {
  const child = spawn(process.execPath, ['main.js'], {
    cwd: appDir,
    env: { PATH: process.env['PATH'] ?? '', PORT: '0', HOST: '127.0.0.1', TAKO_VERSION: version },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(/listening on (\d+)/.exec(line.toString())?.[1]);
  const stop = async (): Promise<number | null> => {
    child.kill('SIGTERM');
    await closed;
    return child.exitCode;
  };
  return {
    port,
    child,
    stop,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await closed;
    },
  };
}

/** The connection ends, after these bytes. */
export interface Cut {
  readonly by: 'end' | 'reset';
  readonly after?: Buffer;
}

/** What happens to one relayed connection. */
export interface Harm {
  /** Bytes towards the client, before they are sent: the bytes to send instead, or what becomes of the connection. */
  down?(bytes: Buffer, sentBefore: number): Buffer | Cut;
  /** Cut when the first byte comes from the client. */
  readonly dropAtOnce?: boolean;
}

export interface Relay extends AsyncDisposable {
  readonly port: number;
  /** Connections so far. */
  connections(): number;
  backend(port: number): void;
}

export interface RelayOptions {
  readonly backendPort: number;
  /** Given the number of the connection, from 1. */
  readonly harm?: (connection: number) => Harm | null;
  readonly secure?: boolean;
}

export async function startRelay(options: RelayOptions): Promise<Relay> {
  const state = { connections: 0, backendPort: options.backendPort };
  const open = new Set<net.Socket>();
  const onConnection = (client: net.Socket): void => {
    state.connections += 1;
    open.add(client);
    client.once('close', () => open.delete(client));
    relay(client, net.connect(state.backendPort, '127.0.0.1'), options.harm?.(state.connections) ?? null);
  };
  const server =
    options.secure === true ? tls.createServer(selfSigned(), onConnection) : net.createServer(onConnection);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as net.AddressInfo).port,
    connections: () => state.connections,
    backend: (port) => void (state.backendPort = port),
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function relay(client: net.Socket, upstream: net.Socket, harm: Harm | null): void {
  let sent = 0;
  for (const [socket, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    socket.on('error', () => other.destroy());
    socket.on('close', () => other.destroy());
  }
  client.on('data', (bytes: Buffer) => {
    if (harm?.dropAtOnce === true) client.destroy();
    else if (!upstream.write(bytes)) client.pause();
  });
  upstream.on('drain', () => client.resume());
  client.on('drain', () => upstream.resume());
  client.on('end', () => upstream.end());
  upstream.on('end', () => client.end());
  upstream.on('data', (bytes: Buffer) => {
    const verdict = harm?.down?.(bytes, sent) ?? bytes;
    sent += bytes.length;
    if (Buffer.isBuffer(verdict)) {
      if (!client.write(verdict)) upstream.pause();
      return;
    }
    upstream.pause();
    if (verdict.after !== undefined) client.write(verdict.after);
    if (verdict.by === 'end') client.end();
    else client.resetAndDestroy();
  });
}

function selfSigned(): tls.TlsOptions {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tako-load-'));
  const [key, cert] = [path.join(dir, 'key.pem'), path.join(dir, 'cert.pem')];
  const subject = ['-subj', '/CN=load.example.com', '-days', '1', '-nodes'];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-keyout',
      key,
      '-out',
      cert,
      ...subject,
    ],
    { stdio: 'pipe' },
  );
  const options = { key: fs.readFileSync(key), cert: fs.readFileSync(cert) };
  fs.rmSync(dir, { recursive: true });
  return options;
}
