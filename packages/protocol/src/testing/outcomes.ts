// What a call or a stream came to, for tests.
import { TakoError, isTakoError } from '@tako/config';
import type { LogEvent } from '../schemas/operations.ts';

/** The TakoError that the work must reject with. */
export async function failureOf(work: Promise<unknown>): Promise<TakoError> {
  const error: unknown = await work.then(
    (value) => new Error(`resolved with ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  if (isTakoError(error) && error instanceof TakoError) return error;
  throw new Error('not a TakoError', { cause: error });
}

export async function collect<T>(stream: Promise<AsyncIterable<T>>): Promise<T[]> {
  const events: T[] = [];
  for await (const event of await stream) events.push(event);
  return events;
}

export const logEntry = (text: string): LogEvent => ({
  type: 'entry',
  position: 1,
  at: 1,
  stream: 'stdout',
  instance: 'i1',
  version: 'v1',
  text,
});
