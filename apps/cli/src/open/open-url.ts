// Hands a URL to the person's browser. Knows no app.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ProcessEnvironment } from '../process-environment.ts';

/** xdg-utils and macOS; $BROWSER may be any program that takes a URL. */
const openers: Readonly<Partial<Record<NodeJS.Platform, string>>> = { darwin: 'open', linux: 'xdg-open' };

/** Resolves to the program that could not be started, null when it was. Does not wait for the browser. */
export async function openUrl(url: string, environment: ProcessEnvironment): Promise<string | null> {
  const program = environment.variables['BROWSER'] || openers[process.platform] || 'xdg-open';
  const child = spawn(program, [url], { stdio: 'ignore', detached: true, env: environment.variables });
  try {
    await once(child, 'spawn');
  } catch {
    // Whatever the reason: the person has the address and opens it.
    return program;
  }
  child.unref();
  return null;
}
