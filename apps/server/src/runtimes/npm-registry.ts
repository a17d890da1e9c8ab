// Asks an npm registry for versions and bytes. Verifies what it gets; knows no tool and no directory.
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TakoError, isTakoError } from '@tako/config';
import { z } from 'zod';
import { diskFull, isDiskFull } from '../files/disk-full.ts';
import { errorMessage } from '../files/durable-file.ts';
import { runtimeLimits } from './limits.ts';

const distSchema = z.object({
  tarball: z.url(),
  integrity: z.string().regex(/(?:^|\s)sha512-[A-Za-z0-9+/]{86}==(?:\s|$)/),
});
export type Dist = z.infer<typeof distSchema>;

const packumentSchema = z.object({
  'dist-tags': z.record(z.string(), z.string()).default({}),
  // Only the version that is taken must be usable: an old one may lack what we need.
  versions: z.record(z.string(), z.object({ dist: z.unknown() })),
});

export interface Package {
  readonly name: string;
  readonly versions: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  /** Throws RUNTIME_INSTALL_FAILED for a version without a SHA-512. */
  dist(version: string): Dist;
}

function failed(what: string, cause?: unknown): TakoError {
  return new TakoError('RUNTIME_INSTALL_FAILED', `${what}.`, {
    hint: 'The server must reach the npm registry; NPM_CONFIG_REGISTRY in the environment of tako-server names another one.',
    cause,
  });
}

async function readLimited(body: ReadableStream<Uint8Array>, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error(`the answer has more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function causeOf(error: unknown): string {
  // fetch says "fetch failed" and hides why.
  return error instanceof Error && error.cause !== undefined
    ? `${error.message} (${errorMessage(error.cause)})`
    : errorMessage(error);
}

export class NpmRegistry {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url.replace(/\/+$/, '');
  }

  /** Throws RUNTIME_INSTALL_FAILED. */
  async package(name: string, signal: AbortSignal): Promise<Package> {
    // The short form: versions and what to download, nothing else (npm registry, "abbreviated metadata").
    const body = await this.#get(
      `${this.#url}/${name.replace('/', '%2f')}`,
      'application/vnd.npm.install-v1+json',
      signal,
    );
    let parsed: z.infer<typeof packumentSchema>;
    try {
      parsed = packumentSchema.parse(JSON.parse(await readLimited(body, runtimeLimits.metadataBytesMax)));
    } catch (cause) {
      signal.throwIfAborted();
      throw failed(
        `The registry's answer about ${name} is not usable: ${errorMessage(cause).slice(0, 300)}`,
        cause,
      );
    }
    return {
      name,
      versions: Object.keys(parsed.versions),
      tags: parsed['dist-tags'],
      dist: (version) => {
        const dist = distSchema.safeParse(parsed.versions[version]?.dist);
        if (dist.success) return dist.data;
        throw failed(`The registry gives no SHA-512 for ${name} ${version}, so it cannot be verified`);
      },
    };
  }

  /** Writes the tarball to a new file, verified. Throws RUNTIME_INSTALL_FAILED, DISK_FULL. */
  async download(dist: Dist, file: string, signal: AbortSignal): Promise<void> {
    const body = await this.#get(dist.tarball, 'application/octet-stream', signal);
    const hash = createHash('sha512');
    let bytes = 0;
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        hash.update(chunk);
        if (bytes > runtimeLimits.tarballBytesMax)
          done(new Error(`it has more than ${runtimeLimits.tarballBytesMax} bytes`));
        else done(null, chunk);
      },
    });
    try {
      await pipeline(Readable.fromWeb(body), meter, createWriteStream(file, { flags: 'wx', mode: 0o600 }), {
        signal,
      });
    } catch (cause) {
      signal.throwIfAborted();
      if (isDiskFull(cause)) throw diskFull(file, {}, cause);
      throw failed(`${dist.tarball} could not be fetched: ${causeOf(cause)}`, cause);
    }
    if (!dist.integrity.split(/\s+/).includes(`sha512-${hash.digest('base64')}`)) {
      throw failed(`${dist.tarball} is not what the registry says it is (SHA-512 differs)`);
    }
  }

  async #get(url: string, accept: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const silence = new AbortController();
    const timer = setTimeout(
      () => silence.abort(new Error('no answer in time')),
      runtimeLimits.answerTimeoutMs,
    );
    try {
      const response = await fetch(url, {
        headers: { accept },
        signal: AbortSignal.any([signal, silence.signal]),
      });
      if (response.status === 404) throw failed(`The registry has no ${url}`);
      if (!response.ok || response.body === null)
        throw failed(`${url} was answered with status ${response.status}`);
      return response.body;
    } catch (cause) {
      signal.throwIfAborted();
      throw isTakoError(cause) ? cause : failed(`${url} could not be fetched: ${causeOf(cause)}`, cause);
    } finally {
      clearTimeout(timer);
    }
  }
}
