// The user's servers, `config.toml` in the user's Tako folder (spec 10). Text in, frozen values out; edits give text
// back with comments kept. Where the file is, is the caller's to know.
import { z } from 'zod';
import { checkShape } from './check-shape.ts';
import { problemsError, type ConfigProblem } from './config-problem.ts';
import { deepFreeze } from './deep-freeze.ts';
import { integer, listOf, oneOf, pattern, text } from './field-kinds.ts';
import { limits } from './limits.ts';
import { isAppName, nameRules } from './names.ts';
import { isNear, nearestKey } from './nearest-key.ts';
import { isServerHost, serverHostRule } from './server-host.ts';
import { TakoError } from './tako-error.ts';
import { readTomlDocument } from './toml-document.ts';

const serverSchema = z.strictObject(
  {
    name: text(isAppName, nameRules.app),
    /** A host name, an address, an alias of ssh_config(5), or `unix:/path` of a local management socket. */
    host: text(isServerHost, serverHostRule),
    port: integer(1, 65_535).exactOptional(),
    user: pattern(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, 'a user name').exactOptional(),
    description: text((value) => value.length <= 200, 'at most 200 characters').exactOptional(),
    ssh_key: text(
      (value) => /^[^-\0][^\0]{0,1023}$/.test(value),
      'the path of a private key',
    ).exactOptional(),
    arch: oneOf(['x64', 'arm64']).exactOptional(),
    libc: oneOf(['glibc', 'musl']).exactOptional(),
    /** Where the management socket is on the server, when it is not in its usual place. */
    socket: text(
      (value) => /^\/[^\0\r\n:]{1,106}$/.test(value),
      'an absolute path without ":", at most 107 characters',
    ).exactOptional(),
  },
  { error: 'a table' },
);
const inventorySchema = z.strictObject({
  servers: listOf(serverSchema, { max: limits.serversMax, what: 'servers' }).exactOptional(),
});

export type ServerSource = z.infer<typeof serverSchema>;

export interface Server {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly description: string | null;
  readonly sshKey: string | null;
  /** Node's names; null until detected. */
  readonly arch: 'x64' | 'arm64' | null;
  readonly libc: 'glibc' | 'musl' | null;
  /** null: `/var/run/tako/tako.sock`. For `host = "unix:/path"` the path is in `host`. */
  readonly socket: string | null;
}

export interface Inventory {
  readonly file: string;
  readonly servers: readonly Server[];
}

/** Errors: INVENTORY_INVALID, with `details.problems` as ConfigProblem[]. An empty text is an empty inventory. */
export function parseInventory(toml: string, file: string): Inventory {
  const reading = readTomlDocument(toml, file);
  if (reading.kind === 'problem') throw problemsError('INVENTORY_INVALID', file, [reading.problem]);
  const { document } = reading;
  const shape = checkShape(inventorySchema, document, (path, key) =>
    path.length === 0 && key in serverSchema.shape ? `"${key}" below a [[servers]] line` : null,
  );
  const problems: ConfigProblem[] = [...shape.problems];
  const servers = (shape.value.servers ?? []).map(resolveServer);
  for (const [index, server] of servers.entries()) {
    const twin = servers
      .slice(0, index)
      .find((other) => other.name === server.name || addressOf(other) === addressOf(server));
    if (twin === undefined) continue;
    const key = twin.name === server.name ? 'name' : 'host';
    const found =
      key === 'name' ? `"${server.name}" a second time` : `the address of the server "${twin.name}"`;
    problems.push(document.problemAt(['servers', index, key], found, `each ${key} once`));
  }
  if (problems.length > 0) throw problemsError('INVENTORY_INVALID', file, problems);
  return deepFreeze({ file, servers });
}

/** Errors: SERVER_UNKNOWN, with the nearest known name. */
export function findServer(inventory: Inventory, name: string): Server {
  const found = inventory.servers.find((server) => server.name === name);
  if (found !== undefined) return found;
  const names = inventory.servers.map((server) => server.name);
  const nearest = nearestKey(name, names);
  const question = nearest !== null && isNear(name, nearest) ? `Did you mean "${nearest}"? ` : '';
  const known = names.length === 0 ? 'No server is known yet.' : `Known: ${names.join(', ')}.`;
  throw new TakoError('SERVER_UNKNOWN', `${inventory.file} has no server "${name}"`, {
    hint: `${question}${known} Add one: tako servers add user@host --name ${isAppName(name) ? name : 'NAME'}`,
    details: { name, known: names },
  });
}

/** The path of a local management socket for `host = "unix:/path"`, else null. */
export function localSocketOf(server: Server): string | null {
  return server.host.startsWith('unix:') ? server.host.slice('unix:'.length) : null;
}

/** Equal for two entries that mean the same daemon. */
export function addressOf(server: Server): string {
  const local = localSocketOf(server);
  return local === null
    ? `${server.host.toLowerCase()} ${server.port} ${server.socket ?? ''}`
    : `unix:${local}`;
}

export function resolveServer(source: ServerSource): Server {
  return {
    name: source.name,
    host: source.host,
    port: source.port ?? 22,
    user: source.user ?? 'tako',
    description: source.description ?? null,
    sshKey: source.ssh_key ?? null,
    arch: source.arch ?? null,
    libc: source.libc ?? null,
    socket: source.socket ?? null,
  };
}
