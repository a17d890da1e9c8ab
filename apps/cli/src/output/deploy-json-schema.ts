// What `deploy --json` prints: the plan, or events of tasks with the result as the last line (docs/deploying.md). Only tests
// load this.
import { z } from 'zod';

const at = z.number().int().nonnegative();
const task = z.string();

const events = [
  z.strictObject({
    type: z.literal('task.started'),
    at,
    task,
    parent: z.string().nullable(),
    title: z.string(),
    server: z.string().nullable(),
  }),
  z.strictObject({ type: z.literal('task.noted'), at, task, note: z.string() }),
  z.strictObject({
    type: z.literal('task.progressed'),
    at,
    task,
    doneBytes: z.number().int(),
    totalBytes: z.number().int(),
  }),
  z.strictObject({
    type: z.literal('task.printed'),
    at,
    task,
    stream: z.enum(['stdout', 'stderr']),
    text: z.string(),
  }),
  z.strictObject({
    type: z.literal('task.ended'),
    at,
    task,
    outcome: z.enum(['done', 'failed', 'skipped', 'canceled']),
    note: z.string().nullable(),
    durationMs: z.number().int(),
  }),
  z.strictObject({
    type: z.literal('warned'),
    at,
    code: z.string(),
    message: z.string(),
    hint: z.string().nullable(),
    server: z.string().nullable(),
  }),
  z.strictObject({ type: z.literal('told'), at, message: z.string() }),
] as const;

const app = { deploymentId: z.string(), app: z.string(), env: z.string(), version: z.string() };

const plan = z.strictObject({
  schema: z.literal('tako.deploy-plan/1'),
  ok: z.literal(true),
  ...app,
  commit: z.string().nullable(),
  dirty: z.boolean(),
  files: z.number().int(),
  runtime: z.string(),
  readiness: z.enum(['sdk', 'http']),
  steps: z.array(z.strictObject({ title: z.string(), cwd: z.string(), commandLine: z.string() })),
  packages: z.enum(['artifact', 'server']),
  servers: z.array(z.string()),
  routes: z.array(z.string()),
  instances: z.number().int(),
  secretNames: z.array(z.string()).nullable(),
  releaseCommand: z.string().nullable(),
});

/** `ends`: each server's, as of every change of an app. */
export function deployJsonSchema(ends: z.ZodType): z.ZodType {
  const result = z.strictObject({
    type: z.literal('result'),
    schema: z.literal('tako.deploy/1'),
    ok: z.literal(true),
    ...app,
    urls: z.array(z.string()),
    servers: ends,
    phases: z.array(z.strictObject({ name: z.string(), durationMs: z.number() })),
  });
  return z.union([...events, plan, result]);
}
