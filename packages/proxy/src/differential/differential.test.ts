// The same bytes through the fast and the general lane, divided anywhere: the apps must have received the same
// requests, and the clients the same responses.
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { brokenBodies, hidden, host, refusedRequests } from '../conformance/smuggling-corpus.ts';
import { headOf } from '../conformance/test-client.ts';
import { afterwards, answer } from './answers.ts';
import { AnsweringApp } from './answering-app.ts';
import { comparable } from './comparison.ts';
import { cuts, divide, message, pipeline } from './messages.ts';
import { type Outcome, Side } from './two-sides.ts';

const seed = 20_261_121;
const inputs = 250;
const pairs = 4;
const fastLane = { name: 'fast', lanes: 'all' } as const;
const generalLane = { name: 'general', lanes: 'general' } as const;

/** Works the inputs off over a few pairs of data planes side by side. */
async function overPairs<T>(queue: T[], compare: (fast: Side, general: Side, input: T) => Promise<void>) {
  const workers = Array.from({ length: pairs }, async () => {
    await using fast = await Side.start(fastLane);
    await using general = await Side.start(generalLane);
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      await compare(fast, general, next);
  });
  await Promise.all(workers);
}

function expectSame(input: unknown, [one, other]: readonly [Outcome, Outcome]): void {
  const [fast, general] = comparable(one, other);
  expect({ input, ...fast }).toEqual({ input, ...general });
}

async function compareRequests(fast: Side, general: Side, input: RequestInput): Promise<void> {
  const pieces = divide(input.bytes, input.places);
  const run = (): Promise<[Outcome, Outcome]> =>
    Promise.all([fast.run(pieces, input), general.run(pieces, input)]);
  expectSame({ ...input, bytes: input.bytes.toString('latin1') }, await twiceIfNeeded(run));
}

/** On a busy machine a deadline may pass on one side only: what differs must differ again. */
async function twiceIfNeeded(run: () => Promise<[Outcome, Outcome]>): Promise<[Outcome, Outcome]> {
  const outcomes = await run();
  return isDeepStrictEqual(...comparable(...outcomes)) ? outcomes : await run();
}

interface RequestInput {
  readonly bytes: Buffer;
  readonly places: readonly number[];
  readonly halfClose: boolean;
}

const inputOf = (bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<RequestInput> =>
  fc.record({ bytes, places: cuts, halfClose: fc.boolean() });

/** Each alone, and behind a request that must be answered first. */
const corpus = [
  ...Object.values(refusedRequests),
  ...Object.values(brokenBodies).map(
    (body) => headOf('POST / HTTP/1.1', host, 'Transfer-Encoding: chunked') + body + hidden,
  ),
].flatMap((text) => [text, headOf('GET /first HTTP/1.1', host) + text]);

describe('both lanes', () => {
  it.each([
    ['messages of the grammar', message],
    ['pipelined messages, well-formed and not', pipeline],
  ])('do the same with %s', { timeout: 60_000 }, async (_name, bytes) => {
    await overPairs(fc.sample(inputOf(bytes), { numRuns: inputs, seed }), compareRequests);
  });

  it('do the same with the smuggling corpus', { timeout: 60_000 }, async () => {
    const queue = corpus.map((text) => Buffer.from(text, 'latin1'));
    await overPairs(
      queue.map((bytes) => ({ bytes, places: [], halfClose: false })),
      compareRequests,
    );
  });

  it('do the same with what apps answer, well-formed and not', { timeout: 60_000 }, async () => {
    const method = fc.constantFrom('GET', 'GET', 'POST', 'HEAD');
    const arbitrary = fc.record({
      answer,
      places: cuts,
      ending: afterwards,
      methods: fc.tuple(method, method),
    });
    const queue = fc.sample(arbitrary, { numRuns: inputs, seed });
    const workers = Array.from({ length: pairs }, async () => {
      const apps = await Promise.all([AnsweringApp.start(), AnsweringApp.start()]);
      await using fast = await Side.start(fastLane, apps[0]);
      await using general = await Side.start(generalLane, apps[1]);
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const { places, ending, methods } = next;
        for (const app of apps) app.answerWith({ pieces: divide(next.answer, places), afterwards: ending });
        const requests = [twoRequests(methods)];
        const [one, other] = await twiceIfNeeded(() =>
          Promise.all([fast.run(requests, { methods }), general.run(requests, { methods })]),
        );
        const input = { ...next, answer: next.answer.toString('latin1') };
        // What an app that leaves has seen besides is chance: a repeated request may have met the old connection.
        if (ending === 'keep') expect({ input, app: one.app }).toEqual({ input, app: other.app });
        expect({ input, client: one.client }).toEqual({ input, client: other.client });
      }
    });
    await Promise.all(workers);
  });
});

function twoRequests([first, second]: readonly [string, string]): Buffer {
  const request = (method: string, path: string, ...fields: string[]): string =>
    method === 'POST'
      ? headOf(`POST ${path} HTTP/1.1`, host, 'Content-Length: 3', ...fields) + 'abc'
      : headOf(`${method} ${path} HTTP/1.1`, host, ...fields);
  return Buffer.from(request(first, '/one') + request(second, '/two', 'Connection: close'));
}
