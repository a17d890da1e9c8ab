// Debian's pebble (a small Boulder) with its own trust, DNS and ports; validation really happens, nonces are refused and
// authorisations reused at its default rates. For tests only.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createTestAuthority } from '../../testing/certificate-authority.ts';
import type { TestAuthority } from '../../testing/certificate-authority.ts';

export const hasPebble = existsSync('/usr/bin/pebble') && existsSync('/usr/bin/pebble-challtestsrv');

export interface PebbleOptions {
  /** Where validations go. */
  readonly httpPort?: number;
  readonly tlsPort?: number;
  /** `127.0.0.1:port`; pebble's own DNS (every name is 127.0.0.1) when absent. */
  readonly dnsServer?: string;
  readonly validitySeconds?: number;
  readonly externalAccounts?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Pebble extends AsyncDisposable {
  readonly directory: string;
  readonly port: number;
  /** The root of pebble's own HTTPS. */
  readonly caPem: string;
  readonly authority: TestAuthority;
  /** PEM: what issued certificates end in. */
  root(): Promise<string>;
  /** pebble's DNS: `set-txt`, `add-a`… of pebble-challtestsrv's management. */
  dns(action: string, body: object): Promise<void>;
  readonly output: string;
}

/** Free now, and likely still free when the program binds it. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Program extends AsyncDisposable {
  readonly output: string;
}

/** Resolves when its output says `ready`. */
export async function startProgram(
  file: string,
  argv: readonly string[],
  choice: { ready: RegExp; environment?: Readonly<Record<string, string>> },
): Promise<Program> {
  const child: ChildProcess = spawn(file, argv, {
    env: { PATH: '/usr/sbin:/usr/bin:/bin', ...choice.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const started = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${file} did not start:\n${output.slice(-2_000)}`)),
      10_000,
    );
    const hear = (chunk: Buffer): void => {
      output += chunk.toString();
      if (!choice.ready.test(output)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}:\n${output}`)));
  });
  try {
    await started;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return {
    get output() {
      return output;
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

export async function startPebble(options: PebbleOptions = {}): Promise<Pebble> {
  await using undo = new AsyncDisposableStack();
  const directory = await mkdtemp(path.join(tmpdir(), 'tako-pebble-'));
  undo.defer(() => rm(directory, { recursive: true, force: true }));
  const now = Date.now();
  const authority = await createTestAuthority(now);
  const { leaf, privateKey } = await authority.issue({
    names: ['localhost'],
    notBefore: now - 3_600_000,
    notAfter: now + 30 * 86_400_000,
  });
  const file = (name: string) => path.join(directory, name);
  await writeFile(file('cert.pem'), leaf + authority.intermediate);
  await writeFile(file('key.pem'), privateKey);
  const [port, managementPort, dnsPort, dnsManagementPort] = await Promise.all(
    Array.from({ length: 4 }, freePort),
  );
  const dns = undo.use(
    await startProgram(
      '/usr/bin/pebble-challtestsrv',
      [
        '-http01',
        '',
        '-https01',
        '',
        '-tlsalpn01',
        '',
        '-defaultIPv6',
        '',
        '-dns01',
        `127.0.0.1:${dnsPort}`,
        '-management',
        `127.0.0.1:${dnsManagementPort}`,
      ],
      { ready: /Starting management server/ },
    ),
  );
  await writeFile(
    file('pebble.json'),
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${port}`,
        managementListenAddress: `127.0.0.1:${managementPort}`,
        certificate: file('cert.pem'),
        privateKey: file('key.pem'),
        httpPort: options.httpPort ?? 1,
        tlsPort: options.tlsPort ?? 1,
        externalAccountBindingRequired: options.externalAccounts !== undefined,
        externalAccountMACKeys: options.externalAccounts ?? {},
        ...(options.validitySeconds === undefined
          ? {}
          : { certificateValidityPeriod: options.validitySeconds }),
      },
    }),
  );
  const pebble = undo.use(
    await startProgram(
      '/usr/bin/pebble',
      ['-config', file('pebble.json'), '-strict', '-dnsserver', options.dnsServer ?? `127.0.0.1:${dnsPort}`],
      { ready: /ACME directory available/, environment: { PEBBLE_VA_NOSLEEP: '1', ...options.environment } },
    ),
  );
  const resources = undo.move();
  const { httpsGet } = await import('./https-get.ts');
  return {
    directory: `https://localhost:${port}/dir`,
    port: port ?? 0,
    caPem: authority.root,
    authority,
    root: () => httpsGet(`https://localhost:${managementPort}/roots/0`, authority.root),
    dns: async (action, body) => {
      const answer = await fetch(`http://127.0.0.1:${dnsManagementPort}/${action}`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`${action}: ${answer.status} ${await answer.text()}`);
    },
    get output() {
      return `${pebble.output}\n${dns.output}`;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
