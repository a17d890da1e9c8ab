// Every way a request can fail, in the order in which it can happen, with what the client is told (spec 50). The
// client learns the status only; the kind and its cause go to the log.

export type FailureKind =
  | 'serverFull'
  | 'malformed'
  | 'headTooLarge'
  | 'headTimedOut'
  | 'targetRefused'
  | 'hostRefused'
  | 'misdirected'
  | 'noRoute'
  | 'tooManyRequests'
  | 'bodyTooLarge'
  | 'bodyTimedOut'
  | 'expectationFailed'
  | 'clientGone'
  | 'cordoned'
  | 'stopped'
  | 'maintenance'
  | 'pausedTooLong'
  | 'queueFull'
  | 'noInstance'
  | 'startFailed'
  | 'startTimedOut'
  | 'upgradeImpossible'
  | 'connectRefused'
  | 'connectTimedOut'
  | 'upstreamReset'
  | 'upstreamMalformed'
  | 'headTimedOutUpstream'
  | 'bodyTimedOutUpstream'
  | 'internal';

export interface FailureRow {
  readonly kind: FailureKind;
  readonly status: number;
  /** Adds Retry-After. */
  readonly retryLater: boolean;
  /** The connection cannot go on: its framing or its unread body is in doubt. */
  readonly close: boolean;
}

const row = (
  kind: FailureKind,
  status: number,
  how: 'close' | 'later' | 'both' | 'keep' = 'keep',
): FailureRow =>
  Object.freeze({
    kind,
    status,
    retryLater: how === 'later' || how === 'both',
    close: how === 'close' || how === 'both',
  });

export const failureTable: readonly FailureRow[] = Object.freeze([
  row('serverFull', 503, 'both'),
  row('malformed', 400, 'close'),
  row('headTooLarge', 431, 'close'),
  row('headTimedOut', 408, 'close'),
  row('targetRefused', 400, 'close'),
  row('hostRefused', 400, 'close'),
  row('misdirected', 421),
  row('noRoute', 404),
  row('expectationFailed', 417, 'close'),
  row('tooManyRequests', 429, 'later'),
  row('bodyTooLarge', 413, 'close'),
  row('bodyTimedOut', 408, 'close'),
  // Nothing is sent: there is nobody to read it. The log's word for it is nginx's.
  row('clientGone', 499, 'close'),
  row('cordoned', 503, 'both'),
  row('stopped', 503, 'later'),
  row('maintenance', 503, 'later'),
  row('pausedTooLong', 503, 'later'),
  row('queueFull', 503, 'later'),
  row('noInstance', 503, 'later'),
  row('startFailed', 502),
  row('startTimedOut', 504),
  row('upgradeImpossible', 502),
  row('connectRefused', 502),
  row('connectTimedOut', 504),
  row('upstreamReset', 502),
  row('upstreamMalformed', 502),
  row('headTimedOutUpstream', 504),
  row('bodyTimedOutUpstream', 504),
  row('internal', 502, 'close'),
]);

const byKind: ReadonlyMap<FailureKind, FailureRow> = new Map(failureTable.map((each) => [each.kind, each]));

export function failureRow(kind: FailureKind): FailureRow {
  const found = byKind.get(kind);
  if (found === undefined) throw new Error(`No row for failure ${kind}`);
  return found;
}
