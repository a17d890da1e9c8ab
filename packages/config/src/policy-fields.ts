// The fields that `tako.toml` and the manifest share, with their bounds: one source for both. Knows neither file.
import type { z } from 'zod';
import { decimal, integer, oneOf, pattern, text } from './field-kinds.ts';
import { limits } from './limits.ts';
import { isEnvVarName, isReservedEnvVarName, isSecretName, nameRules } from './names.ts';
import { isCanonicalSubPath, subPathRule } from './sub-path.ts';

export const runtimes = ['node', 'bun', 'deno', 'go', 'process'] as const;
export type Runtime = (typeof runtimes)[number];
export const packageManagers = ['npm', 'pnpm', 'yarn', 'bun'] as const;
export type PackageManager = (typeof packageManagers)[number];

/** Seconds, fractions allowed. */
const seconds = (min: number): z.ZodNumber => decimal(min, limits.secondsMax);
const withoutNul = (value: string): boolean => !value.includes('\0');

/** A text that may be an argument of `execve`, and is not empty. */
export const commandField = text(
  (value) => value !== '' && value.length <= limits.commandCharsMax && withoutNul(value),
  `a command line of 1 to ${limits.commandCharsMax} characters`,
);
/** One word of an argv: may be empty. */
export const argvWordField = text(
  (value) => value.length <= limits.commandCharsMax && withoutNul(value),
  `a word of at most ${limits.commandCharsMax} characters`,
);

/** An absolute path with an optional query, in the characters a request line may carry (RFC 9112 §3.2.1). */
export const healthPathField = pattern(
  /^\/[\u0021-\u0022\u0024-\u007e]{0,2047}$/,
  'a path like "/health": starting with "/", without spaces and "#"',
);

export const runtimeField = oneOf(runtimes);
/** Becomes a directory name under `runtimes/{tool}/`, so it starts with a letter or digit and holds no slash. */
export const runtimeVersionField = pattern(
  /^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/,
  'a version like "26" or "26.1.0"',
);
export const packageManagerField = oneOf(packageManagers);
export const readinessField = oneOf(['sdk', 'http']);
export const upstreamProtocolField = oneOf(['http1', 'h2c']);
export const affinityField = oneOf(['off', 'cookie']);
export const exposeField = oneOf(['fd3', 'env']);
export const instancesField = integer(0, limits.instancesMax);
/** On-demand apps only; at least a tenth of a second, since 0 would stop an instance under its own answer. */
export const idleTimeoutField = seconds(0.1);
export const streamIdleField = integer(0, limits.secondsMax);

export const subPathField = text(isCanonicalSubPath, subPathRule);
export const mainField = text(
  (value) => value !== '.' && isCanonicalSubPath(value),
  `a file: ${subPathRule}`,
);

export const healthFields = {
  interval_s: seconds(0.05),
  timeout_s: seconds(0.05),
  unhealthy_after: integer(1, 1000),
  dead_after: integer(1, 1000),
};
export const rolloutFields = {
  ready_timeout_s: seconds(0.1),
  health_timeout_s: seconds(0.1),
  stable_s: seconds(0),
  drain_timeout_s: seconds(0),
  stop_grace_s: seconds(0),
};
export const bodyBytesField = integer(0, Number.MAX_SAFE_INTEGER);
/** Below 1 MiB no runtime starts: the number was meant in another unit. */
export const memoryBytesMin = 1024 * 1024;
export const memoryBytesField = integer(memoryBytesMin, Number.MAX_SAFE_INTEGER);
export const limitFields = {
  /** Cores; 0.5 is half of one. */
  cpu: decimal(0.01, 1024),
  pids: integer(1, 4_194_304),
  requests_per_ip: integer(1, 1_000_000),
};

const reservedRule = 'not PORT, HOST or TAKO_*, which Tako sets itself';
export const envVarNameField = text(
  (name) => isEnvVarName(name) && !isReservedEnvVarName(name),
  `a variable's name: ${nameRules.envVar}; ${reservedRule}`,
);
export const envVarValueField = text(
  (value) => Buffer.byteLength(value) <= limits.envVarValueBytesMax && withoutNul(value),
  `a text of at most ${limits.envVarValueBytesMax} bytes without NUL`,
);
export const secretNameField = text(
  (name) => isSecretName(name) && !isReservedEnvVarName(name),
  `a secret's name: ${nameRules.secret}; ${reservedRule}`,
);

/** Five fields, or an @-word, as crontab(5) has them; when it fires is the scheduler's to say. */
export const scheduleField = pattern(
  /^(?:@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)|[0-9A-Za-z*,/-]+(?: +[0-9A-Za-z*,/-]+){4})$/,
  'a cron line of five fields like "*/5 * * * *", or @hourly, @daily, @weekly, @monthly, @yearly',
);
