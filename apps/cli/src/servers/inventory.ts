// The inventory file of this user: read, and edited with its comments kept. Knows no connection.
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  addServer,
  parseInventory,
  removeServer,
  writeFileAtomically,
  type Inventory,
  type ServerSource,
} from '@tako/config';

/** An absent file is an empty inventory. Errors: INVENTORY_INVALID. */
export async function readInventory(file: string): Promise<Inventory> {
  return parseInventory(await readText(file), file);
}

/** Errors: SERVER_NAME_TAKEN, INVENTORY_INVALID. */
export const addToInventory = (file: string, server: ServerSource): Promise<void> =>
  edit(file, (text) => addServer(text, server, file));

/** Errors: SERVER_UNKNOWN. */
export const removeFromInventory = (file: string, name: string): Promise<void> =>
  edit(file, (text) => removeServer(text, name, file));

async function edit(file: string, change: (text: string) => string): Promise<void> {
  const edited = change(await readText(file));
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeFileAtomically(file, edited);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}
