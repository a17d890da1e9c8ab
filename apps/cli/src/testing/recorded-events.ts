// Collects the events of a service, for tests that read what it said.
import type { CliEvent, EventSink, TimelessEvent } from '../output/events.ts';
import { createTaskTree, type Task } from '../output/task.ts';

export interface RecordedEvents {
  readonly events: TimelessEvent[];
  readonly emit: EventSink;
  readonly task: Task;
  of<T extends CliEvent['type']>(type: T): Extract<TimelessEvent, { type: T }>[];
}

export function recordEvents(): RecordedEvents {
  const events: TimelessEvent[] = [];
  const emit: EventSink = (event) => void events.push(event);
  return {
    events,
    emit,
    task: createTaskTree(emit),
    of: <T extends CliEvent['type']>(type: T) =>
      events.filter((event): event is Extract<TimelessEvent, { type: T }> => event.type === type),
  };
}
