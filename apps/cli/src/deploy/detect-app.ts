// What tako.toml leaves to detection: the runtime, and whether the app speaks the SDK (spec 10). Reads a few files of the
// project; knows no deploy.
import { access } from 'node:fs/promises';
import path from 'node:path';
import type { PackageManager, ResolvedEnvironment, Runtime } from '@tako/config';
import { readPackageJson, type PackageJson } from '../build/package-manager.ts';

export interface DetectedApp {
  readonly runtime: Runtime;
  readonly readiness: 'sdk' | 'http';
}

export async function detectApp(directory: string, environment: ResolvedEnvironment): Promise<DetectedApp> {
  const packageJson = await readPackageJson(directory);
  return {
    runtime: environment.runtime ?? (await detectRuntime(directory, environment.packageManager)),
    readiness: environment.readiness ?? (usesSdk(packageJson) ? 'sdk' : 'http'),
  };
}

const marks: readonly (readonly [file: string, runtime: Runtime])[] = [
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
  ['bunfig.toml', 'bun'],
  ['deno.json', 'deno'],
  ['deno.jsonc', 'deno'],
  ['go.mod', 'go'],
];

/** Bun by its lockfile, Deno and Go by theirs; everything else that has JavaScript runs under Node. */
export async function detectRuntime(directory: string, manager: PackageManager | null): Promise<Runtime> {
  if (manager === 'bun') return 'bun';
  for (const [file, runtime] of marks) {
    if (await exists(path.join(directory, file))) return runtime;
  }
  const packageJson = await readPackageJson(directory);
  const declared = packageJson?.packageManager;
  return typeof declared === 'string' && declared.startsWith('bun@') ? 'bun' : 'node';
}

export function usesSdk(packageJson: PackageJson | null): boolean {
  return [packageJson?.dependencies, packageJson?.devDependencies].some(
    (group) => group !== undefined && Object.hasOwn(group, '@tako/sdk'),
  );
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    // Not there, or not ours to read: no mark of a runtime.
    return false;
  }
}
