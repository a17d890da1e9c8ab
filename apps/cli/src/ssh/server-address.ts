// Where a server is and how ssh gets there: made from an inventory entry. Pure.
import { localSocketOf, type Server } from '@tako/config';

export type ServerAddress =
  | { readonly kind: 'local'; readonly name: string; readonly socketPath: string }
  | {
      readonly kind: 'ssh';
      readonly name: string;
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly keyFile: string | null;
      /** The management socket on the server. */
      readonly socketPath: string;
    };

export const defaultManagementSocket = '/var/run/tako/tako.sock';

/** The inventory has checked every field; nothing of it ever meets a local shell. */
export function addressOf(server: Server, home: string): ServerAddress {
  const local = localSocketOf(server);
  if (local !== null) return { kind: 'local', name: server.name, socketPath: local };
  return {
    kind: 'ssh',
    name: server.name,
    host: server.host,
    port: server.port,
    user: server.user,
    keyFile: server.sshKey === null ? null : server.sshKey.replace(/^~(?=\/|$)/, home),
    socketPath: server.socket ?? defaultManagementSocket,
  };
}

/** As people write it: `tako@host`, with the port where it is not 22. */
export function describeAddress(address: ServerAddress): string {
  if (address.kind === 'local') return `unix:${address.socketPath}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${address.user}@${host}${address.port === 22 ? '' : `:${address.port}`}`;
}
