// The file of the DNS provider's credentials: `KEY=VALUE` lines, `#` comments, readable by the daemon's user only.
import { open } from 'node:fs/promises';
import { TakoError } from '@tako/config';
import { errorCode } from '../../files/durable-file.ts';
import { issuerLimits } from '../limits.ts';
import type { Credentials } from './dns-provider.types.ts';

export function optionInvalid(message: string, hint: string, cause?: unknown): TakoError {
  return new TakoError('OPTION_INVALID', message, { hint, ...(cause === undefined ? {} : { cause }) });
}

export function parseCredentials(text: string, file: string): Credentials {
  const entries = text.split('\n').flatMap((line, index) => {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return [];
    const match = /^([A-Z][A-Z0-9_]*)\s*=\s*(.*)$/.exec(trimmed);
    if (match?.[1] === undefined || match[2] === undefined)
      throw optionInvalid(`${file}, line ${index + 1} is not \`KEY=VALUE\`.`, 'Write one KEY=VALUE a line.');
    return [[match[1], match[2].replace(/^(["'])(.*)\1$/, '$2')] as const];
  });
  return Object.freeze(Object.fromEntries(entries));
}

/** A file with secrets: refused when others may read it. Throws OPTION_INVALID. */
export async function readSecretFile(file: string): Promise<string> {
  let handle;
  try {
    handle = await open(file, 'r');
  } catch (cause) {
    const why = errorCode(cause) === 'ENOENT' ? 'does not exist' : 'cannot be read';
    throw optionInvalid(
      `${file} ${why}.`,
      'Create it with mode 0600, owned by the user of tako-server.',
      cause,
    );
  }
  try {
    const { mode, size } = await handle.stat();
    if ((mode & 0o077) !== 0)
      throw optionInvalid(
        `${file} can be read by others (mode ${(mode & 0o777).toString(8)}).`,
        `chmod 600 ${file}`,
      );
    if (size > issuerLimits.credentialsBytesMax)
      throw optionInvalid(
        `${file} has ${size} bytes.`,
        `At most ${issuerLimits.credentialsBytesMax} are read.`,
      );
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}
