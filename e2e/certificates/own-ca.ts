// A certificate authority of one's own, made with openssl as people do. Knows nothing of Tako.
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ecKey = ['-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

export interface PemPair {
  /** Leaf first, then the root. */
  readonly chain: string;
  readonly key: string;
}

export interface OwnCa extends AsyncDisposable {
  readonly dir: string;
  /** Of the root, for clients. */
  readonly pem: string;
  /** A pair of files with that name before their endings. */
  issue(file: string, names: readonly string[], days: number): Promise<PemPair>;
}

export async function createOwnCa(organization: string): Promise<OwnCa> {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tako-own-ca-'));
  const at = (name: string): string => path.join(dir, name);
  const openssl = (...args: string[]) => run('openssl', args, { cwd: dir });
  const root = ['-keyout', 'root.key', '-out', 'root.crt'];
  await openssl('req', '-x509', ...ecKey, '-days', '30', '-subj', `/O=${organization}/CN=Root`, ...root);
  const pem = await fs.readFile(at('root.crt'), 'utf8');
  return {
    dir,
    pem,
    issue: async (file, names, days) => {
      const [key, request, chain] = [`${file}.key`, `${file}.csr`, `${file}.pem`];
      await openssl('req', ...ecKey, '-subj', '/CN=leaf', '-keyout', key, '-out', request);
      await fs.writeFile(
        at(`${file}.ext`),
        `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}\n`,
      );
      const signer = ['-CA', 'root.crt', '-CAkey', 'root.key', '-CAcreateserial'];
      const leaf = ['-days', String(days), '-extfile', `${file}.ext`, '-out', chain];
      await openssl('x509', '-req', '-in', request, ...signer, ...leaf);
      await fs.appendFile(at(chain), pem);
      return { chain: at(chain), key: at(key) };
    },
    [Symbol.asyncDispose]: () => fs.rm(dir, { recursive: true, force: true }),
  };
}
