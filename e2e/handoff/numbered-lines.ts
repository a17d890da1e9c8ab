// An app that numbers its log lines, and what its log file has of them: which are missing, which are there twice.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ask } from '../support/http-get.ts';
import type { RunningServer } from '../support/start-server.ts';
import { deployed } from '../support/test-release.ts';
import { eventually } from '../zero-loss/eventually.ts';

const id = 'numbers';
const writtenWithinMs = 10_000;

export interface LineCount {
  readonly lines: number;
  /** Runs of numbers that are not there. */
  readonly gaps: readonly { readonly after: number; readonly lines: number }[];
  readonly twice: readonly number[];
  /** What is no line of the app: two halves that do not belong together, a marker of dropped lines. */
  readonly strange: readonly string[];
}

export async function deployNumbers(server: RunningServer): Promise<void> {
  await deployed(server.client, { id, version: 'v1', behaviour: 'numbers' });
}

function countLines(texts: readonly string[]): LineCount {
  const counted = {
    gaps: [] as { after: number; lines: number }[],
    twice: [] as number[],
    strange: [] as string[],
  };
  let last = -1;
  for (const text of texts) {
    const number = Number(/^number (\d+) end$/.exec(text)?.[1] ?? Number.NaN);
    if (Number.isNaN(number)) counted.strange.push(text);
    else if (number <= last) counted.twice.push(number);
    else {
      if (number > last + 1) counted.gaps.push({ after: last, lines: number - last - 1 });
      last = number;
    }
  }
  return { lines: texts.length, ...counted };
}

/** Of everything that the app had written when this was called. */
export async function readNumbers(server: RunningServer): Promise<LineCount> {
  const { body } = await ask({ port: server.httpPort, host: `${id}.example.com`, path: '/' });
  const file = path.join(server.dataDir, 'apps', id, 'shared/logs/current.log');
  return eventually(`line ${body} in the log`, writtenWithinMs, async () => {
    const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
    const texts = lines.map((line) => (JSON.parse(line) as { text: string }).text);
    return texts.includes(`number ${body} end`) ? countLines(texts) : null;
  });
}
