// A piece of work that people watch: it starts, may have parts, and ends once, however its code ended. Emits events;
// draws nothing.
import { isTakoError } from '@tako/config/tako-error';
import type { EventSink, TaskOutcome } from './events.ts';

export interface TaskOptions {
  readonly server?: string;
}

export interface Task {
  readonly id: string;
  /** Runs a part of this task; its failure is shown on the part and thrown on. */
  run<T>(title: string, work: (task: Task) => Promise<T>, options?: TaskOptions): Promise<T>;
  note(note: string): void;
  progress(doneBytes: number, totalBytes: number): void;
  print(stream: 'stdout' | 'stderr', text: string): void;
  /** What the task ends with beside its title, and as what, when the work resolves. */
  conclude(note: string | null, outcome?: TaskOutcome): void;
  warn(warning: { code: string; message: string; hint?: string | null; server?: string | null }): void;
  tell(message: string): void;
}

/** The root of a command's tasks: it has no row of its own. */
export function createTaskTree(emit: EventSink): Task {
  let count = 0;
  const nextId = (): string => `t${++count}`;
  return createTask({ emit, nextId, id: 'root', parent: null });
}

interface TaskParts {
  readonly emit: EventSink;
  readonly nextId: () => string;
  readonly id: string;
  readonly parent: string | null;
  readonly ending?: { note: string | null; outcome: TaskOutcome };
}

function createTask(parts: TaskParts): Task {
  const { emit, id, ending } = parts;
  return {
    id,
    run: (title, work, options) => runPart(parts, { title, server: options?.server ?? null }, work),
    note: (note) => emit({ type: 'task.noted', task: id, note }),
    progress: (doneBytes, totalBytes) => emit({ type: 'task.progressed', task: id, doneBytes, totalBytes }),
    print: (stream, text) => emit({ type: 'task.printed', task: id, stream, text }),
    conclude: (note, outcome = 'done') => {
      if (!ending) return;
      ending.note = note;
      ending.outcome = outcome;
    },
    warn: ({ code, message, hint = null, server = null }) =>
      emit({ type: 'warned', code, message, hint, server }),
    tell: (message) => emit({ type: 'told', message }),
  };
}

async function runPart<T>(
  parent: TaskParts,
  row: { title: string; server: string | null },
  work: (task: Task) => Promise<T>,
): Promise<T> {
  const id = parent.nextId();
  const ending = { note: null as string | null, outcome: 'done' as TaskOutcome };
  const startedAt = performance.now();
  parent.emit({
    type: 'task.started',
    task: id,
    parent: parent.id === 'root' ? null : parent.id,
    title: row.title,
    server: row.server,
  });
  const end = (outcome: TaskOutcome, note: string | null): void =>
    parent.emit({
      type: 'task.ended',
      task: id,
      outcome,
      note,
      durationMs: Math.round(performance.now() - startedAt),
    });
  try {
    const result = await work(createTask({ ...parent, id, parent: parent.id, ending }));
    end(ending.outcome, ending.note);
    return result;
  } catch (error) {
    if (isAbort(error)) end('canceled', null);
    else if (wasPutBack(error)) end('canceled', 'put back');
    else end('failed', failureNote(error));
    throw error;
  }
}

/** At a person's wish: nothing failed. */
function wasPutBack(error: unknown): boolean {
  return isTakoError(error) && error.code === 'ROLLOUT_REVERTED';
}

/** The row says where already, so only why. */
function failureNote(error: unknown): string | null {
  if (isTakoError(error) && typeof error.details['reason'] === 'string') return error.details['reason'];
  return error instanceof Error ? (error.message.split('\n')[0] ?? null) : String(error);
}

/** An abort by a person or by the failure of a neighbour: not this task's own failure. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'CanceledError');
}
