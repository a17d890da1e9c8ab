// What a directory says about the project in it: name, runtime, package manager, preset, entry. Reads; writes nothing.
import { access } from 'node:fs/promises';
import path from 'node:path';
import { sanitizeAppName, type PackageManager, type PresetName, type Runtime } from '@tako/config';
import { resolveMain } from '../build/main-file.ts';
import { detectPackageManager, readPackageJson, type PackageJson } from '../build/package-manager.ts';
import { detectRuntime, usesSdk } from '../deploy/detect-app.ts';

export interface DetectedProject {
  readonly name: string;
  readonly runtime: Runtime;
  readonly packageManager: PackageManager | null;
  readonly preset: PresetName | null;
  /** null: not found, which is right for a preset that builds it. */
  readonly main: string | null;
  readonly usesSdk: boolean;
  readonly hasPackageJson: boolean;
  /** Whether git keeps it, here or above. */
  readonly hasGit: boolean;
}

/** The dependency that gives a framework away; the more particular first. */
const presetMarks: readonly (readonly [dependency: string, preset: PresetName])[] = [
  ['next', 'nextjs'],
  ['@tanstack/react-start', 'tanstack-start'],
  ['@tanstack/solid-start', 'tanstack-start'],
  ['nuxt', 'nuxt'],
  ['@sveltejs/kit', 'sveltekit'],
  ['astro', 'astro'],
  ['hono', 'hono'],
  ['fastify', 'fastify'],
  ['express', 'express'],
  ['vite', 'vite'],
];

export async function detectProject(directory: string): Promise<DetectedProject> {
  const packageJson = await readPackageJson(directory);
  const manager = await detectPackageManager(directory, '.', { configured: null, ownInstall: true });
  const name =
    typeof packageJson?.name === 'string'
      ? packageJson.name.replace(/^@[^/]*\//, '')
      : path.basename(directory);
  return {
    name: sanitizeAppName(name) ?? sanitizeAppName(path.basename(directory)) ?? 'app',
    runtime: await detectRuntime(directory, manager?.manager ?? null),
    packageManager: manager?.manager ?? null,
    preset: detectPreset(packageJson),
    main: await resolveMain(directory, { main: null, needed: false }).catch(() => null),
    usesSdk: usesSdk(packageJson),
    hasPackageJson: packageJson !== null,
    hasGit: await isBelowGit(directory),
  };
}

async function isBelowGit(directory: string): Promise<boolean> {
  if (await exists(path.join(directory, '.git'))) return true;
  const parent = path.dirname(directory);
  return parent !== directory && isBelowGit(parent);
}

function detectPreset(packageJson: PackageJson | null): PresetName | null {
  const has = (name: string): boolean =>
    [packageJson?.dependencies, packageJson?.devDependencies].some(
      (group) => group !== undefined && Object.hasOwn(group, name),
    );
  return presetMarks.find(([dependency]) => has(dependency))?.[1] ?? null;
}

export async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    // Absent: the answer.
    return false;
  }
}
