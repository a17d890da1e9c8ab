// What is known of an error code: its row in the registry and its page. Knows no error that happened.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { TakoError } from '@tako/config';
import { errorRegistry, errorSpec } from '@tako/protocol/errors';
import { editDistance } from '../cli/edit-distance.ts';

export interface Explanation {
  readonly code: string;
  readonly summary: string;
  readonly source: string;
  readonly retryable: boolean;
  readonly exitCode: number;
  /** The page's text below its heading, in Markdown; null where the pages are not installed. */
  readonly page: string | null;
}

/** Errors: USAGE_INVALID for a code that is none, with the nearest. */
export async function explainCode(typed: string, packageRoot: string): Promise<Explanation> {
  const code = typed.trim().toUpperCase().replaceAll('-', '_');
  const spec = errorSpec(code);
  if (spec === null) throw unknownCode(code);
  return {
    code,
    summary: spec.summary,
    source: spec.source,
    retryable: spec.retryable,
    exitCode: spec.exitCode,
    page: await readPage(code, packageRoot),
  };
}

const actors: Readonly<Record<string, string>> = {
  user: 'you (input or configuration)',
  app: "the app's code",
  server: 'the host or its daemon',
  network: 'the network between here and the server',
  internal: 'Tako itself (please report it)',
};

export function explanationText(explanation: Explanation): string {
  return [
    `${explanation.code}: ${explanation.summary}`,
    '',
    `Who has to act   ${actors[explanation.source] ?? explanation.source}`,
    `Trying again     ${explanation.retryable ? 'may help, unchanged and a little later' : 'does not help before something changed'}`,
    `Exit code        ${explanation.exitCode}`,
    ...(explanation.page === null ? [] : ['', explanation.page]),
  ].join('\n');
}

/** docs/errors.md: beside the packages in the repository, in the package itself when it was published. */
async function readPage(code: string, packageRoot: string): Promise<string | null> {
  for (const directory of [packageRoot, path.join(packageRoot, '..', '..')]) {
    const text = await readFile(path.join(directory, 'docs', 'errors.md'), 'utf8').catch(() => null);
    if (text !== null) return sectionOf(text, code);
  }
  return null;
}

export function sectionOf(markdown: string, code: string): string | null {
  const lines = markdown.split('\n');
  const start = lines.findIndex((line) => /^#{2,4} /.test(line) && line.replaceAll(/[#`\s]/g, '') === code);
  if (start === -1) return null;
  const length = lines.slice(start + 1).findIndex((line) => /^#{1,4} /.test(line));
  const body = lines.slice(start + 1, length === -1 ? undefined : start + 1 + length);
  return body.join('\n').trim() || null;
}

function unknownCode(code: string): TakoError {
  const nearest = Object.keys(errorRegistry).toSorted(
    (a, b) => editDistance(code, a) - editDistance(code, b),
  )[0];
  return new TakoError('USAGE_INVALID', `there is no error code ${code}`, {
    hint: nearest === undefined ? undefined : `Did you mean: tako explain ${nearest}`,
  });
}
