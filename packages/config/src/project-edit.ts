// Edits of tako.toml's text that Tako makes itself: comments and everything else stay as they are.
import { problemsError } from './config-problem.ts';
import { parseEnvName } from './names.ts';
import { readTomlDocument } from './toml-document.ts';
import { setTomlKey } from './toml-edit.ts';

/**
 * Writes `servers` of an environment: used when the only known server, or the chosen one, is written into the file.
 * Errors: CONFIG_INVALID when the text is not TOML, NAME_INVALID.
 */
export function setServers(
  text: string,
  change: { env: string; servers: readonly string[] },
  file = 'tako.toml',
): string {
  parseEnvName(change.env);
  const reading = readTomlDocument(text, file);
  if (reading.kind === 'problem') throw problemsError('CONFIG_INVALID', file, [reading.problem]);
  return setTomlKey(text, { table: ['envs', change.env], key: 'servers' }, change.servers);
}
