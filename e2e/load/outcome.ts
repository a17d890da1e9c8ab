// What became of one unit of load: a request, an upload, a download, the life of a WebSocket or event stream.

/** `fresh`: a new connection each. */
export const kinds = [
  'fresh',
  'keepAlive',
  'http2',
  'upload',
  'download',
  'webSocket',
  'eventStream',
] as const;
export type Kind = (typeof kinds)[number];

export interface Received {
  /** null: no head came. */
  readonly status: number | null;
  readonly bytes: number;
  /** Echoes or events that were right. */
  readonly messages: number;
  /** From `x-app-version` and `x-app-pid`; null where the app does not say. */
  readonly version: string | null;
  readonly pid: string | null;
}

export const nothingReceived: Received = { status: null, bytes: 0, messages: 0, version: null, pid: null };

/** How far the unit had come when it failed. */
export type Stage = 'connect' | 'head' | 'body' | 'message' | 'end';

export type Outcome =
  | { readonly kind: 'ok'; readonly received: Received }
  /** Ended early, but properly: close frame 1001, end of an event stream. */
  | { readonly kind: 'told'; readonly received: Received }
  | {
      readonly kind: 'failed';
      readonly stage: Stage;
      /** Short and free of numbers that differ each time, so that equal failures count as one. */
      readonly reason: string;
      readonly received: Received;
      /** The connection had carried an earlier exchange. */
      readonly reused: boolean;
    };

export function failed(
  stage: Stage,
  reason: string,
  more: Partial<{ received: Received; reused: boolean }> = {},
): Outcome {
  return {
    kind: 'failed',
    stage,
    reason,
    received: more.received ?? nothingReceived,
    reused: more.reused ?? false,
  };
}

export function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.message : String(error);
}
