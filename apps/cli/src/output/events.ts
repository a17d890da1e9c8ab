// The one stream of events that every service yields and every renderer draws (spec 20). Facts only: no colour, no
// layout, no flags. Never holds a secret's value.

export type TaskOutcome = 'done' | 'failed' | 'skipped' | 'canceled';

export type CliEvent =
  | {
      readonly type: 'task.started';
      readonly at: number;
      readonly task: string;
      readonly parent: string | null;
      readonly title: string;
      /** The server's name where the task is one server's. */
      readonly server: string | null;
    }
  | {
      readonly type: 'task.progressed';
      readonly at: number;
      readonly task: string;
      readonly doneBytes: number;
      readonly totalBytes: number;
    }
  /** A short fact beside the title, replaced by the next one. */
  | { readonly type: 'task.noted'; readonly at: number; readonly task: string; readonly note: string }
  | {
      readonly type: 'task.printed';
      readonly at: number;
      readonly task: string;
      readonly stream: 'stdout' | 'stderr';
      readonly text: string;
    }
  | {
      readonly type: 'task.ended';
      readonly at: number;
      readonly task: string;
      readonly outcome: TaskOutcome;
      readonly note: string | null;
      readonly durationMs: number;
    }
  | {
      readonly type: 'warned';
      readonly at: number;
      readonly code: string;
      readonly message: string;
      readonly hint: string | null;
      readonly server: string | null;
    }
  | { readonly type: 'told'; readonly at: number; readonly message: string }
  /** Something else (a prompt, ssh asking for a passphrase) owns the terminal until `terminal.returned`. */
  | { readonly type: 'terminal.lent'; readonly at: number }
  | { readonly type: 'terminal.returned'; readonly at: number };

type WithoutTime<E> = E extends unknown ? Omit<E, 'at'> : never;
export type TimelessEvent = WithoutTime<CliEvent>;

export type EventSink = (event: TimelessEvent) => void;
