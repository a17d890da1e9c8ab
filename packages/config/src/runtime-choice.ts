// The key `runtime`: `node`, or with a version `node@26.1`. Pure.
import { runtimes, type Runtime } from './policy-fields.ts';

export interface RuntimeChoice {
  readonly runtime: Runtime | null;
  readonly version: string | null;
}

/** Takes what the schema allowed; null leaves the choice to detection. */
export function parseRuntime(text: string | null): RuntimeChoice {
  if (text === null) return { runtime: null, version: null };
  const [name, version = null] = text.split('@');
  return { runtime: runtimes.find((runtime) => runtime === name) ?? null, version };
}
