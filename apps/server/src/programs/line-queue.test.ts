import { expect, it } from 'vitest';
import { programLimits } from './limits.ts';
import { LineQueue } from './line-queue.ts';

async function textsOf(queue: LineQueue): Promise<string[]> {
  const texts: string[] = [];
  for await (const line of queue) texts.push(line.text);
  return texts;
}

it('gives everything in order to a reader that came first or last', async () => {
  const queue = new LineQueue();
  const reading = textsOf(queue);
  queue.push({ stream: 'stdout', text: 'one' });
  await Promise.resolve();
  queue.push({ stream: 'stderr', text: 'two' });
  queue.end();
  expect(await reading).toEqual(['one', 'two']);
});

it('holds as many lines as the limit says and counts what it drops', async () => {
  const queue = new LineQueue();
  for (let index = 0; index < programLimits.queueLinesMax; index += 1)
    queue.push({ stream: 'stdout', text: `${index}` });
  queue.end();
  expect(await textsOf(queue)).toHaveLength(programLimits.queueLinesMax);
  const over = new LineQueue();
  for (let index = 0; index < programLimits.queueLinesMax + 3; index += 1)
    over.push({ stream: 'stdout', text: `${index}` });
  over.end();
  const texts = await textsOf(over);
  expect(texts).toHaveLength(programLimits.queueLinesMax + 1);
  expect(texts.at(-1)).toBe('[3 lines skipped]');
});
