// `.tako/secrets`: the committed file of sealed values (spec 10). Text in, frozen value out, and back with sorted
// keys, so that a diff shows what changed. Opens nothing; `environment-secrets.ts` does.
import { z } from 'zod';
import { deepFreeze } from './deep-freeze.ts';
import { limits } from './limits.ts';
import { isEnvName, nameRules } from './names.ts';
import { secretNameField } from './policy-fields.ts';
import { isSealedText } from './sealing.ts';
import { TakoError } from './tako-error.ts';

const sealedField = z
  .string()
  .refine(isSealedText, { error: 'a sealed value (base64 of nonce, ciphertext and tag)' });
const saltField = z.string().regex(/^[A-Za-z0-9+/]{22}==$/, { error: '16 bytes in base64' });

const sealedEnvironmentSchema = z.strictObject({
  /** For the passphrase; null when the key is 32 random bytes. */
  salt: saltField.nullable(),
  /** A known text sealed with the key, which tells a wrong key at once. */
  key_check: sealedField,
  secrets: z
    .record(secretNameField, sealedField)
    .refine((secrets) => Object.keys(secrets).length <= limits.secretsPerEnvMax, {
      error: `at most ${limits.secretsPerEnvMax} secrets`,
    })
    .readonly(),
});

const secretsFileSchema = z.strictObject({
  version: z.literal(1),
  envs: z
    .record(
      z.string().refine(isEnvName, { error: `an environment's name: ${nameRules.env}` }),
      sealedEnvironmentSchema.readonly(),
    )
    .readonly(),
});

export type SealedEnvironment = Readonly<z.infer<typeof sealedEnvironmentSchema>>;
export type SecretsFile = Readonly<z.infer<typeof secretsFileSchema>>;

/** What a project without the file has. */
export const emptySecretsFile: SecretsFile = deepFreeze({ version: 1, envs: {} });

/** Errors: SECRETS_FILE_INVALID, every problem in `details.problems`. `file` is for the messages only. */
export function parseSecretsFile(text: string, file = '.tako/secrets'): SecretsFile {
  const result = secretsFileSchema.safeParse(parseJson(text, file));
  if (result.success) return deepFreeze(result.data);
  const problems = result.error.issues
    .slice(0, limits.problemsReportedMax)
    .map((issue) => `${issue.path.map(String).join('.') || 'the file'}: ${issue.message}`);
  throw fileInvalid(
    `${file} is not a valid secrets file:\n${problems.map((line) => `  ${line}`).join('\n')}`,
    { problems },
  );
}

/** Sorted keys, two spaces, a newline at the end: equal contents are equal bytes. */
export function serializeSecretsFile(file: SecretsFile): string {
  return `${JSON.stringify(sortKeys(file), null, 2)}\n`;
}

/** The file with one environment replaced, or without it when null. */
export function withEnvironment(
  file: SecretsFile,
  env: string,
  sealed: SealedEnvironment | null,
): SecretsFile {
  const { [env]: _, ...others } = file.envs;
  return deepFreeze({ version: 1, envs: sealed === null ? others : { ...others, [env]: sealed } });
}

/** The names of one environment's secrets, sorted; none when the environment has no entry. */
export function secretNames(file: SecretsFile, env: string): readonly string[] {
  return Object.keys(environmentOf(file, env)?.secrets ?? {}).sort();
}

/** One environment's entry, or null; safe for any text as its name. */
export function environmentOf(file: SecretsFile, env: string): SealedEnvironment | null {
  return Object.hasOwn(file.envs, env) ? (file.envs[env] ?? null) : null;
}

export interface MissingSecret {
  readonly name: string;
  /** Environments that have it, sorted. */
  readonly presentIn: readonly string[];
}

/** Names that another environment has and this one lacks: they stop a deploy (spec 10). Sorted by name. */
export function missingSecrets(file: SecretsFile, env: string): readonly MissingSecret[] {
  const present = new Set(secretNames(file, env));
  const missing = new Map<string, string[]>();
  for (const other of Object.keys(file.envs).sort()) {
    for (const name of secretNames(file, other)) {
      if (!present.has(name)) missing.set(name, [...(missing.get(name) ?? []), other]);
    }
  }
  return deepFreeze(
    [...missing].map(([name, presentIn]) => ({ name, presentIn })).sort((a, b) => (a.name < b.name ? -1 : 1)),
  );
}

function parseJson(text: string, file: string): unknown {
  if (Buffer.byteLength(text) > limits.secretsFileBytesMax) {
    throw fileInvalid(`${file} has more than ${limits.secretsFileBytesMax} bytes`, {});
  }
  if (/^(?:<{7}|={7}|>{7})/m.test(text)) {
    throw fileInvalid(
      `${file} has conflict markers of git in it`,
      {},
      'Resolve the conflict: keep both sides of what differs, in JSON.',
    );
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw fileInvalid(`${file} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, {});
  }
}

function fileInvalid(
  message: string,
  details: Readonly<Record<string, unknown>>,
  hint = 'The file is written by tako; take it back from git, or set the secrets again.',
): TakoError {
  return new TakoError('SECRETS_FILE_INVALID', message, { hint, details });
}

function sortKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}
