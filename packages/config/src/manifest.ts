// `app.json`, the manifest at the root of every release: resolved, non-secret values only (spec 10). The server reads
// all it must know of a release from here; it never sees tako.toml.
import { z } from 'zod';
import { deepFreeze } from './deep-freeze.ts';
import { listOf, pattern, text } from './field-kinds.ts';
import { limits } from './limits.ts';
import { isAppName, isEnvName, isVersion, nameRules } from './names.ts';
import {
  affinityField,
  argvWordField,
  bodyBytesField,
  commandField,
  envVarNameField,
  envVarValueField,
  exposeField,
  healthFields,
  healthPathField,
  idleTimeoutField,
  instancesField,
  limitFields,
  mainField,
  memoryBytesField,
  packageManagerField,
  readinessField,
  rolloutFields,
  runtimeField,
  runtimeVersionField,
  scheduleField,
  secretNameField,
  streamIdleField,
  subPathField,
  upstreamProtocolField,
} from './policy-fields.ts';
import { TakoError } from './tako-error.ts';

export const manifestProcessSchema = z
  .strictObject({
    name: text(isAppName, nameRules.app),
    /** A command line for `sh -c`. */
    run: commandField,
    instances: instancesField,
    schedule: scheduleField.nullable(),
  })
  .readonly();

/** Strict: a key that is not listed here is an error, since a server that ignores a wish would break it silently. */
export const manifestSchema = z
  .strictObject({
    schema: z.literal(1),
    app: text(isAppName, nameRules.app),
    env: text(isEnvName, nameRules.env),
    version: text(isVersion, nameRules.version),
    runtime: runtimeField,
    /** null: whatever version of the runtime the server has or prefers. */
    runtime_version: runtimeVersionField.nullable(),
    /** Relative to `app_dir`; null for `process`. */
    main: mainField.nullable(),
    /** The argv of an instance, run in `app_dir`; the first word may be the runtime's program name. */
    start: listOf(argvWordField, { min: 1, max: limits.argvWordsMax, what: 'words' })
      .refine((argv) => argv[0] !== '', { error: 'a program as its first word' })
      .readonly(),
    readiness: readinessField,
    health_path: healthPathField,
    env_vars: z
      .record(envVarNameField, envVarValueField)
      .refine((vars) => Object.keys(vars).length <= limits.envVarsMax, {
        error: `at most ${limits.envVarsMax} variables`,
      })
      .readonly(),
    /** Names only; values travel sealed and apart. */
    secret_names: listOf(secretNameField, { max: limits.secretsPerEnvMax, what: 'names' }).readonly(),
    secrets_expose: exposeField,
    idle_timeout_s: idleTimeoutField,
    /** 0 = on demand. The first value only: `tako scale` changes it later. */
    instances: instancesField,
    processes: listOf(manifestProcessSchema, { max: limits.processesMax, what: 'processes' }).readonly(),
    /** A command line for `sh -c`. */
    release_command: commandField.nullable(),
    health: z.strictObject(healthFields).readonly(),
    rollout: z.strictObject(rolloutFields).readonly(),
    /** Sizes in bytes; null = unlimited. */
    limits: z
      .strictObject({
        body_bytes: bodyBytesField,
        memory: memoryBytesField.nullable(),
        cpu: limitFields.cpu.nullable(),
        pids: limitFields.pids.nullable(),
        requests_per_ip: limitFields.requests_per_ip,
      })
      .readonly(),
    cache: z.strictObject({ enabled: z.boolean() }).readonly(),
    https_redirect: z.boolean(),
    hsts: z.boolean(),
    upstream_protocol: upstreamProtocolField,
    affinity: affinityField,
    /** Idle limit of WebSockets and streams; 0 = none. */
    stream_idle_s: streamIdleField,
    /** Where the app lives in the release, relative to its root. */
    app_dir: subPathField,
    /** Where production dependencies are installed, relative to the root (a workspace's root, say). */
    install_dir: subPathField,
    package_manager: packageManagerField.nullable(),
    commit: pattern(/^[0-9a-f]{7,64}$/, 'a commit id in lower-case hex').nullable(),
    commit_message: text(
      (message) => message.length <= limits.commitMessageCharsMax,
      `at most ${limits.commitMessageCharsMax} characters`,
    ).nullable(),
    dirty: z.boolean(),
    /** ISO 8601 in UTC, as `Date.prototype.toISOString` writes it. */
    built_at: z.iso.datetime(),
  })
  .readonly();

export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestProcess = z.infer<typeof manifestProcessSchema>;

/**
 * Checks a manifest given as JSON text or as the value already read from it, and freezes it all the way down.
 * Errors: MANIFEST_INVALID, with every problem in `details.problems`.
 */
export function parseManifest(json: unknown): Manifest {
  const result = manifestSchema.safeParse(typeof json === 'string' ? parseJson(json) : json);
  if (result.success) return deepFreeze(result.data);
  const problems = result.error.issues
    .slice(0, limits.problemsReportedMax)
    .map((issue) => `${issue.path.map(String).join('.') || 'app.json'}: ${issue.message}`);
  throw new TakoError(
    'MANIFEST_INVALID',
    `app.json is not a valid manifest:\n${problems.map((line) => `  ${line}`).join('\n')}`,
    {
      hint: 'Deploy with a CLI of the same version as the server; tako writes this file itself.',
      details: { problems },
    },
  );
}

function parseJson(text: string): unknown {
  if (Buffer.byteLength(text) > limits.manifestBytesMax) {
    throw new TakoError('MANIFEST_INVALID', `app.json has more than ${limits.manifestBytesMax} bytes`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TakoError(
      'MANIFEST_INVALID',
      `app.json is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}
