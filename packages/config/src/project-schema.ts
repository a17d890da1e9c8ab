// The keys of `tako.toml` as written: which there are, their types and bounds. Defaults, overrides and the rules
// between keys are `project.ts` and its neighbours'. Also the source of tako.schema.json.
import { z } from 'zod';
import { allowedList, flag, integer, listOf, oneOf, pattern, text } from './field-kinds.ts';
import { limits } from './limits.ts';
import { isAppName, nameRules } from './names.ts';
import {
  affinityField,
  argvWordField,
  commandField,
  exposeField,
  healthFields,
  healthPathField,
  idleTimeoutField,
  instancesField,
  limitFields,
  memoryBytesMin,
  packageManagerField,
  readinessField,
  rolloutFields,
  runtimes,
  scheduleField,
  streamIdleField,
  upstreamProtocolField,
} from './policy-fields.ts';
import { presetNames } from './presets.ts';
import { projectKeyDescriptions } from './project-key-descriptions.ts';
import { parseSize, sizeRule } from './size.ts';
import { canonicalSubPath } from './sub-path.ts';

const block = <T extends z.ZodRawShape>(shape: T): z.ZodObject<T, z.core.$strict> =>
  z.strictObject(shape, { error: 'a table' });

const relativePath = text((value) => canonicalSubPath(value) !== null, 'a relative path without ".."');
const relativeFile = text(
  (value) => ![null, '.'].includes(canonicalSubPath(value)),
  'the relative path of a file, without ".."',
);
/** May lead out of the app's directory; the build checks it against the workspace root. */
const workspacePath = text(
  (value) =>
    value === '' ||
    canonicalSubPath(value.replace(/^(?:\.\.?\/+)+/, '').replace(/^\.\.$/, '.') || '.') !== null,
  'a relative path',
);
const globPattern = text(
  (value) =>
    value !== '' &&
    value.length <= limits.subPathCharsMax &&
    !/^[!]?\/|\\|\0|(?:^|\/)\.\.(?:\/|$)/.test(value),
  'a relative pattern without ".."',
);
const patterns = listOf(globPattern, { max: limits.globsMax, what: 'patterns' });
/** A command line; "" switches the step off. */
const optionalCommand = text(
  (value) => value === '' || commandField.safeParse(value).success,
  'a command line, or "" for none',
);

const scalar = z.union([z.string(), z.number(), z.boolean()], { error: 'a text, a number, true or false' });
const size = z.union([integer(0, Number.MAX_SAFE_INTEGER), z.string()], { error: sizeRule });
const bodyBytes = size.refine((value) => parseSize(value) !== null, { error: sizeRule });
const memory = size.refine((value) => (parseSize(value) ?? 0) >= memoryBytesMin, {
  error: `${sizeRule}, at least 1MiB`,
});

const name = text(isAppName, nameRules.app);
const runtimeNames = runtimes.filter((runtime) => runtime !== 'process').join('|');
const runtime = pattern(
  new RegExp(`^(?:process|(?:${runtimeNames})(?:@[0-9A-Za-z][0-9A-Za-z.+-]{0,63})?)$`),
  `${allowedList(runtimes)}, with a version as in "node@26.1" if you like`,
);

const buildBlock = block({
  run: optionalCommand.exactOptional(),
  install: optionalCommand.exactOptional(),
  cwd: relativePath.exactOptional(),
  include: patterns.exactOptional(),
  exclude: patterns.exactOptional(),
});
const buildStage = block({
  name: text((value) => value !== '' && value.length <= 64, 'a name of 1 to 64 characters').exactOptional(),
  cwd: workspacePath.exactOptional(),
  install: optionalCommand.exactOptional(),
  run: commandField,
  exclude: patterns.exactOptional(),
});
const stream = block({
  name,
  protocol: oneOf(['tcp', 'udp']),
  /** A port, or address and port. */
  listen: z.union([integer(1, 65_535), z.string()], {
    error: 'a port, or an address and a port like "127.0.0.1:5432"',
  }),
});
const worker = block({
  name,
  run: commandField,
  instances: instancesField.exactOptional(),
  schedule: scheduleField.exactOptional(),
});

/** What stands at the top level and may be overridden in an environment. */
const overridable = {
  main: relativeFile.exactOptional(),
  start: listOf(argvWordField, { min: 1, max: limits.argvWordsMax, what: 'words' })
    .refine((argv) => argv[0] !== '', { error: 'a program as its first word' })
    .exactOptional(),
  readiness: readinessField.exactOptional(),
  health_path: healthPathField.exactOptional(),
  assets: listOf(relativePath, { max: limits.globsMax, what: 'directories' }).exactOptional(),
  release_command: commandField.exactOptional(),
  instances: instancesField.exactOptional(),
  build: buildBlock.exactOptional(),
  build_stages: listOf(buildStage, { max: limits.buildStagesMax, what: 'stages' }).exactOptional(),
  health: block(healthFields).exactPartial().exactOptional(),
  rollout: block(rolloutFields).exactPartial().exactOptional(),
  limits: block({ body_bytes: bodyBytes, memory, ...limitFields })
    .exactPartial()
    .exactOptional(),
  cache: block({ enabled: flag().exactOptional() }).exactOptional(),
  upstream_protocol: upstreamProtocolField.exactOptional(),
  affinity: affinityField.exactOptional(),
  stream_idle_s: streamIdleField.exactOptional(),
  secrets: block({ expose: exposeField.exactOptional() }).exactOptional(),
  streams: listOf(stream, { max: limits.streamsMax, what: 'streams' }).exactOptional(),
  processes: listOf(worker, { max: limits.processesMax, what: 'processes' }).exactOptional(),
};

const routeText = z.string({ error: 'a route like "example.com", "*.example.com" or "example.com/api/*"' });
const environment = block({
  route: routeText.exactOptional(),
  routes: listOf(routeText, { max: limits.routesPerEnvMax, what: 'routes' }).exactOptional(),
  servers: listOf(name, { max: limits.serversMax, what: 'servers' }).exactOptional(),
  idle_timeout_s: idleTimeoutField.exactOptional(),
  vars: z.record(z.string(), scalar, { error: 'a table of variables' }).exactOptional(),
  https_redirect: flag().exactOptional(),
  hsts: flag().exactOptional(),
  ...overridable,
});

export const projectSchema = block({
  name: name.exactOptional(),
  runtime: runtime.exactOptional(),
  package_manager: packageManagerField.exactOptional(),
  preset: oneOf(presetNames()).exactOptional(),
  ...overridable,
  /** A table inside is the environment of that name. */
  vars: z
    .record(
      z.string(),
      z.union([scalar, z.record(z.string(), scalar)], { error: 'a text, a number, true or false' }),
      {
        error: 'a table of variables',
      },
    )
    .exactOptional(),
  envs: z.record(z.string(), environment, { error: 'a table of environments' }).exactOptional(),
});

export type ProjectSource = z.infer<typeof projectSchema>;
export type EnvironmentSource = z.infer<typeof environment>;
/** Keys of an environment, and of the whole project: where a misplaced one belongs. */
export const environmentKeys: readonly string[] = Object.keys(environment.shape);
export const projectKeys: readonly string[] = Object.keys(projectSchema.shape);
export type OverridableSource = Pick<ProjectSource, keyof typeof overridable>;

/** The JSON Schema that editors use (`#:schema`); what only code can check (routes, paths) is not in it. */
export function takoJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(projectSchema, { target: 'draft-7', io: 'input', override: describeKeys }),
    title: 'tako.toml',
    description: 'Configuration of a project for Tako',
  };
}

/** Gives the keys of the project and of an environment their sentence. */
function describeKeys({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: z.core.JSONSchema.BaseSchema;
}): void {
  if (zodSchema !== projectSchema && zodSchema !== environment) return;
  for (const [key, property] of Object.entries(jsonSchema.properties ?? {})) {
    if (typeof property === 'object') property.description = projectKeyDescriptions[key] ?? '';
  }
}
