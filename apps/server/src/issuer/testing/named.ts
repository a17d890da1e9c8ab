// Debian's BIND as authoritative server of some zones, open to signed updates. For tests only.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Resolver } from 'node:dns/promises';
import { freePort, startProgram } from './pebble.ts';

export const hasNamed = existsSync('/usr/sbin/named');

export interface Named extends AsyncDisposable {
  readonly port: number;
  readonly keyName: string;
  /** base64. */
  readonly secret: string;
  /** Values of the TXT records of a name; [] for none. */
  texts(name: string): Promise<string[]>;
  readonly output: string;
}

/** Every name of a zone is 127.0.0.1, unless `records` says otherwise. */
export async function startNamed(
  zones: Readonly<Record<string, string>>,
  options: { readonly algorithm?: string; readonly recursion?: boolean } = {},
): Promise<Named> {
  await using undo = new AsyncDisposableStack();
  const directory = await mkdtemp(path.join(tmpdir(), 'tako-named-'));
  undo.defer(() => rm(directory, { recursive: true, force: true }));
  const { algorithm = 'hmac-sha256', recursion = false } = options;
  const port = await freePort();
  const keyName = 'tako-key.example';
  const secret = randomBytes(32).toString('base64');
  for (const [zone, records] of Object.entries(zones)) {
    await writeFile(
      path.join(directory, `${zone}.zone`),
      `$ORIGIN ${zone}.\n$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n@ A 127.0.0.1\n* A 127.0.0.1\n${records}\n`,
    );
  }
  const zoneBlocks = Object.keys(zones).map(
    (zone) =>
      `zone "${zone}" { type primary; file "${directory}/${zone}.zone"; update-policy { grant ${keyName} zonesub TXT; }; };`,
  );
  await writeFile(
    path.join(directory, 'named.conf'),
    `options { directory "${directory}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; recursion ${recursion ? 'yes' : 'no'}; pid-file "${directory}/named.pid"; session-keyfile "${directory}/session.key"; dnssec-validation no; };
controls {};
key "${keyName}" { algorithm ${algorithm}; secret "${secret}"; };
${zoneBlocks.join('\n')}\n`,
  );
  const named = undo.use(
    await startProgram('/usr/sbin/named', ['-g', '-n', '1', '-c', path.join(directory, 'named.conf')], {
      ready: / running$/m,
    }),
  );
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  resolver.setServers([`127.0.0.1:${port}`]);
  const resources = undo.move();
  return {
    port,
    keyName,
    secret,
    texts: async (name) => {
      try {
        return (await resolver.resolveTxt(name)).map((parts) => parts.join(''));
      } catch {
        // ENODATA, ENOTFOUND: there is none.
        return [];
      }
    },
    get output() {
      return named.output;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
