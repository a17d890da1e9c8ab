// A server that is not in the inventory yet: from what a person typed, and what it says of itself. Knows no file.
import { parseInventory, sanitizeAppName, TakoError, type Server, type ServerSource } from '@tako/config';
import type { Task } from '../output/task.ts';
import type { ServerSession } from './session.ts';

export interface ServerOptions {
  readonly name?: string | undefined;
  readonly port?: number | undefined;
  readonly key?: string | undefined;
  readonly socket?: string | undefined;
  readonly description?: string | undefined;
}

/** `user@host:port`, `host`, `[::1]:22`, `unix:/path`. Errors: USAGE_INVALID. */
export function parseServerTarget(target: string, options: ServerOptions): ServerSource {
  const text = target.trim();
  const extra = {
    ...(options.key === undefined ? {} : { ssh_key: options.key }),
    ...(options.socket === undefined ? {} : { socket: options.socket }),
    ...(options.description === undefined ? {} : { description: options.description }),
  };
  if (text.startsWith('unix:')) return { name: options.name ?? 'local', host: text, ...extra };
  const match =
    /^(?:(?<user>[^@\s]+)@)?(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^@:\s[\]]+))(?::(?<port>\d{1,5}))?$/.exec(
      text,
    );
  const host = match?.groups?.['v6'] ?? match?.groups?.['host'];
  if (match === null || host === undefined) {
    throw new TakoError('USAGE_INVALID', `"${target}" is not a server`, {
      hint: 'Write it like tako@203.0.113.7, deploy@example.com:2222 or unix:/path',
    });
  }
  const typedPort = match.groups?.['port'];
  const port = options.port ?? (typedPort === undefined ? undefined : Number(typedPort));
  const user = match.groups?.['user'];
  return {
    name: options.name ?? nameFromHost(host),
    host,
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...extra,
  };
}

/** `web1.example.com` → `web1`; an address has no name in it. */
function nameFromHost(host: string): string {
  const first =
    /^[0-9.:a-fA-F]+$/.test(host) && /[.:]/.test(host) ? `server-${host}` : (host.split('.')[0] ?? host);
  return sanitizeAppName(first) ?? 'server';
}

/** The entry as it will be read back: what is wrong with it is said before anybody connects. Errors: INVENTORY_INVALID. */
export function asServer(source: ServerSource): Server {
  const lines = Object.entries(source).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  const [server] = parseInventory(`[[servers]]\n${lines.join('\n')}\n`, 'the new server').servers;
  if (server === undefined) throw new Error('an entry was written and none was read');
  return server;
}

/** What only the server knows of itself. Errors: SSH_*, SERVER_UNREACHABLE, PROTOCOL_MISMATCH. */
export async function checkNewServer(
  open: (signal: AbortSignal) => Promise<ServerSession>,
  signal: AbortSignal,
  task: Task,
): Promise<Partial<Pick<ServerSource, 'arch' | 'libc'>>> {
  await using session = await open(signal);
  const { machine, version } = session.client.server;
  task.conclude(`tako-server ${version} on ${machine.hostname}, ${machine.arch}, ${machine.libc}`);
  const { arch, libc } = machine;
  return arch === 'x64' || arch === 'arm64' ? { arch, libc } : { libc };
}
