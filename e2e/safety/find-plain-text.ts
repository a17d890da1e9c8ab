// Looks for values where no plain value may be: every file below some folders, in raw bytes and unpacked, and the
// environment and command line of every process of the machine.
import fs from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

export interface Finding {
  readonly where: string;
  readonly what: string;
}

/** A value as it is, and in the encodings that hide it from a plain search but from nobody else. */
function disguises(value: string): Map<string, Buffer> {
  const bytes = Buffer.from(value);
  // Base64 depends on where the value begins within three bytes; its inner part is the same each time.
  const inBase64 = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    return [`base64+${offset}`, Buffer.from(text.slice(offset === 0 ? 0 : offset + 2, -4))] as const;
  });
  return new Map([
    ['plain', bytes],
    ['hex', Buffer.from(bytes.toString('hex'))],
    ['utf-16', Buffer.from(value, 'utf16le')],
    ...inBase64,
  ]);
}

/** Where any of the values stands, below `folders` or in /proc. `texts`: outputs, by the name to show. */
export function findPlainText(
  values: readonly string[],
  places: { readonly folders: readonly string[]; readonly texts?: Readonly<Record<string, string>> },
): Finding[] {
  const needles = values.flatMap((value) =>
    [...disguises(value)].map(([disguise, bytes]) => ({ what: `${value} (${disguise})`, bytes })),
  );
  const search = (where: string, haystack: Buffer): Finding[] =>
    needles.filter(({ bytes }) => haystack.includes(bytes)).map(({ what }) => ({ where, what }));
  return [
    ...places.folders.flatMap(filesBelow).flatMap((file) => search(file, readUnpacked(file))),
    ...processFiles().flatMap((file) => search(file, readIfThere(file))),
    ...Object.entries(places.texts ?? {}).flatMap(([where, text]) => search(where, Buffer.from(text))),
  ];
}

/** Regular files only: reading a FIFO would take output away from whoever reads it. */
function filesBelow(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !isRuntime(entry.parentPath))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** A copy of Node, 100 MB of it. */
const isRuntime = (folder: string): boolean => /\/runtimes\/(node|bun)\//.test(folder);

function processFiles(): string[] {
  const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.flatMap((pid) => [`/proc/${pid}/environ`, `/proc/${pid}/cmdline`]);
}

function readUnpacked(file: string): Buffer {
  const bytes = readIfThere(file);
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return isGzip ? Buffer.concat([bytes, gunzipSync(bytes)]) : bytes;
}

function readIfThere(file: string): Buffer {
  try {
    return fs.readFileSync(file);
  } catch {
    // Gone since the listing; a process that has ended, or a file that was moved.
    return Buffer.alloc(0);
  }
}
