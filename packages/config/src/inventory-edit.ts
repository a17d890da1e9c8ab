// Edits of the inventory's text: every comment and every key that is not concerned stays as it is. Each edit checks
// the text before and after.
import {
  addressOf,
  findServer,
  parseInventory,
  resolveServer,
  type Server,
  type ServerSource,
} from './inventory.ts';
import { TakoError } from './tako-error.ts';
import { appendTomlTable, removeTomlKey, removeTomlTable, setTomlKey } from './toml-edit.ts';
import type { TomlValue } from './toml-text.ts';

/** Keys of an entry; null takes one out. */
export type ServerChanges = {
  readonly [Key in Exclude<keyof ServerSource, 'name'>]?: ServerSource[Key] | null;
};

/** Errors: INVENTORY_INVALID (before or after), SERVER_NAME_TAKEN for a known name or address. */
export function addServer(toml: string, server: ServerSource, file: string): string {
  const inventory = parseInventory(toml, file);
  const added = resolveServer(server);
  const twin = inventory.servers.find(
    (other) => other.name === added.name || addressOf(other) === addressOf(added),
  );
  if (twin !== undefined) throw takenError(twin, added, file);
  const edited = appendTomlTable(toml, 'servers', definedKeys(server));
  parseInventory(edited, file);
  return edited;
}

/** Errors: INVENTORY_INVALID, SERVER_UNKNOWN. */
export function removeServer(toml: string, name: string, file: string): string {
  const inventory = parseInventory(toml, file);
  const server = findServer(inventory, name);
  const edited = removeTomlTable(toml, 'servers', inventory.servers.indexOf(server));
  parseInventory(edited, file);
  return edited;
}

/** Errors: INVENTORY_INVALID (before or after), SERVER_UNKNOWN. */
export function updateServer(
  toml: string,
  change: { name: string; changes: ServerChanges },
  file: string,
): string {
  const inventory = parseInventory(toml, file);
  const index = inventory.servers.indexOf(findServer(inventory, change.name));
  let edited = toml;
  for (const [key, value] of Object.entries(change.changes)) {
    const at = { table: ['servers', index], key };
    edited = value === null ? removeTomlKey(edited, at) : setTomlKey(edited, at, value);
  }
  parseInventory(edited, file);
  return edited;
}

function definedKeys(server: ServerSource): Readonly<Record<string, TomlValue>> {
  const { name, host, port, user, description, ssh_key, arch, libc, socket } = server;
  const keys: Record<string, TomlValue> = {};
  for (const [key, value] of Object.entries({
    name,
    host,
    port,
    user,
    description,
    ssh_key,
    arch,
    libc,
    socket,
  })) {
    if (value !== undefined) keys[key] = value;
  }
  return keys;
}

function takenError(twin: Server, added: Server, file: string): TakoError {
  const what =
    twin.name === added.name
      ? `a server named "${added.name}"`
      : `the address of "${added.name}" as the server "${twin.name}"`;
  return new TakoError('SERVER_NAME_TAKEN', `${file} already has ${what}`, {
    hint: `Choose another name, or remove the old entry first: tako servers rm ${twin.name}`,
    details: { name: twin.name, host: twin.host },
  });
}
