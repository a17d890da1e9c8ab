// What a manifest may ask for that this version of the server cannot do yet: refused before anything is prepared,
// since a server that ignores a wish would break it silently.
import { TakoError } from '@tako/config';
import type { Manifest } from '@tako/config';

const unavailable: readonly (readonly [wish: string, asks: (manifest: Manifest) => boolean, hint: string])[] =
  [
    ['[[processes]]', (manifest) => manifest.processes.length > 0, 'run them as an app of their own for now'],
    ['limits.cpu', (manifest) => manifest.limits.cpu !== null, 'leave it out; memory and pids are enforced'],
    [
      'runtime deno or go',
      (manifest) => manifest.runtime === 'deno' || manifest.runtime === 'go',
      'use runtime = "process" with `start`',
    ],
  ];

/** Throws FEATURE_NOT_AVAILABLE naming all of them. */
export function assertAvailable(manifest: Manifest): void {
  const asked = unavailable.filter(([, asks]) => asks(manifest));
  if (asked.length === 0) return;
  throw new TakoError(
    'FEATURE_NOT_AVAILABLE',
    `this version of tako-server cannot do yet: ${asked.map(([wish]) => wish).join(', ')}`,
    {
      hint: asked.map(([wish, , hint]) => `${wish}: ${hint}`).join('; '),
      details: { features: asked.map(([wish]) => wish) },
    },
  );
}
