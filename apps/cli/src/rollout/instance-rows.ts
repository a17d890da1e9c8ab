// One row per instance of a rollout under its server's row: starting, healthy, stable, serving. Reads the rollout's
// events; knows no server.
import type { RolloutEvent } from '@tako/protocol';
import type { Task } from '../output/task.ts';

export interface InstanceRows {
  show(event: RolloutEvent): void;
  /** Ends the row that is still open: the stream is over. */
  close(): void;
}

interface OpenRow {
  readonly index: number;
  readonly end: (note: string, outcome: 'done' | 'failed' | 'canceled') => void;
  readonly note: (note: string) => void;
}

/** Changes that start an instance for every step; of the others a row opens when an instance is named. */
const startsEach = new Set(['deploy', 'rollback', 'restart', 'start', 'secrets']);

/** `isAsked`: whether a person asked for the revert. */
export function createInstanceRows(task: Task, isAsked: () => boolean): InstanceRows {
  let row: OpenRow | null = null;
  const open = (index: number, of: number): OpenRow => {
    if (row?.index === index) return row;
    row?.end('', 'done');
    const ended = Promise.withResolvers<void>();
    let part: Task | null = null;
    void task.run(`instance ${index + 1} of ${of}`, (started) => {
      part = started;
      started.note('starting');
      return ended.promise;
    });
    const opened: OpenRow = {
      index,
      note: (note) => part?.note(note),
      end: (note, outcome) => {
        part?.conclude(note === '' ? null : note, outcome);
        ended.resolve();
        row = null;
      },
    };
    row = opened;
    return opened;
  };
  return {
    show: (event) => {
      if (event.type === 'started' && startsEach.has(event.kind) && event.steps > 0) open(0, event.steps);
      else if (event.type === 'step') {
        const shown = open(event.index, event.of);
        shown.note(`${event.instance} ${event.state}`);
        if (event.state !== 'serving') return;
        shown.end(`${event.instance} serving`, 'done');
        if (event.index + 1 < event.of) open(event.index + 1, event.of);
      } else if (event.type === 'deployed' || event.type === 'unchanged') row?.end('', 'done');
      else if (event.type === 'reverting') {
        if (isAsked()) row?.end('', 'canceled');
        else row?.end(event.reason, 'failed');
      }
    },
    close: () => row?.end('', 'canceled'),
  };
}
