// The event stream of the API: a bounded buffer per reader; a slow one loses the oldest and is told how many.
import type { ServerEvent } from '@tako/protocol';
import { eventBufferMax } from '../limits.ts';

interface Reader {
  readonly buffer: ServerEvent[];
  skipped: number;
  wake: () => void;
}

export class ServerEvents {
  readonly #readers = new Set<Reader>();

  emit(type: string, deploymentId: string | null, facts: ServerEvent['facts']): void {
    const event: ServerEvent = { at: Date.now(), type, deploymentId, facts };
    for (const reader of this.#readers) {
      reader.buffer.push(event);
      if (reader.buffer.length > eventBufferMax) {
        reader.buffer.shift();
        reader.skipped += 1;
      }
      reader.wake();
    }
  }

  async *read(signal: AbortSignal): AsyncGenerator<ServerEvent, void> {
    const reader: Reader = { buffer: [], skipped: 0, wake: () => undefined };
    this.#readers.add(reader);
    const wakeOnAbort = (): void => reader.wake();
    signal.addEventListener('abort', wakeOnAbort, { once: true });
    try {
      while (!signal.aborted) {
        if (reader.skipped > 0) {
          yield {
            at: Date.now(),
            type: 'events.skipped',
            deploymentId: null,
            facts: { events: reader.skipped },
          };
          reader.skipped = 0;
        }
        const event = reader.buffer.shift();
        if (event !== undefined) yield event;
        else await new Promise<void>((resolve) => (reader.wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', wakeOnAbort);
      this.#readers.delete(reader);
    }
  }
}
