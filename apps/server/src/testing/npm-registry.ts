// An npm registry on loopback for tests: packages made on the spot, requests counted, faults on demand.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { type ArchiveEntry, writeArchive } from './tar-archive.ts';
import { temporaryDirectory } from './temporary-directory.ts';

interface Published {
  readonly tarball: Buffer;
  readonly integrity: string | null;
}

export interface TestRegistry extends AsyncDisposable {
  readonly url: string;
  /** Method and path of every request, in order. */
  readonly requests: readonly string[];
  publish(
    name: string,
    version: string,
    entries: readonly ArchiveEntry[],
    fault?: 'wrongBytes' | 'noIntegrity',
  ): Promise<void>;
  /** Everything is answered with this status; null ends it. */
  fail(status: number | null): void;
  /** Tarballs wait for the promise. */
  hold(until: Promise<void>): void;
}

export async function startTestRegistry(): Promise<TestRegistry> {
  const packages = new Map<string, Map<string, Published>>();
  const requests: string[] = [];
  let failure: number | null = null;
  let held = Promise.resolve();
  const scratch = await temporaryDirectory();

  function metadata(name: string, origin: string): string | null {
    const versions = packages.get(name);
    if (versions === undefined) return null;
    const entries = [...versions].map(([version, { integrity }]) => {
      const tarball = `${origin}/-/${encodeURIComponent(name)}/${version}.tgz`;
      return [version, { name, version, dist: { tarball, ...(integrity === null ? {} : { integrity }) } }];
    });
    return JSON.stringify({
      name,
      'dist-tags': { latest: [...versions.keys()].at(-1) },
      versions: Object.fromEntries(entries),
    });
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    requests.push(`${request.method} ${decodeURIComponent(url.pathname)}`);
    if (failure !== null) {
      response.writeHead(failure).end();
      return;
    }
    const tarball = /^\/-\/([^/]+)\/(.+)\.tgz$/.exec(url.pathname);
    if (tarball !== null) {
      const found = packages.get(decodeURIComponent(tarball[1] ?? ''))?.get(tarball[2] ?? '');
      void held.then(() => response.writeHead(found === undefined ? 404 : 200).end(found?.tarball));
      return;
    }
    const body = metadata(decodeURIComponent(url.pathname.slice(1)), url.origin);
    response.writeHead(body === null ? 404 : 200, { 'content-type': 'application/json' }).end(body ?? '{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async publish(name, version, entries, fault) {
      const file = path.join(scratch.path, `${requests.length}-${packages.size}-${version}.tgz`);
      await writeArchive(file, entries);
      const bytes = await readFile(file);
      const hash = createHash('sha512').update(bytes).digest('base64');
      const tarball = fault === 'wrongBytes' ? Buffer.concat([bytes, Buffer.from('x')]) : bytes;
      const versions = packages.get(name) ?? new Map<string, Published>();
      versions.set(version, { tarball, integrity: fault === 'noIntegrity' ? null : `sha512-${hash}` });
      packages.set(name, versions);
    },
    fail: (status) => {
      failure = status;
    },
    hold: (until) => {
      held = until;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await scratch[Symbol.asyncDispose]();
    },
  };
}
