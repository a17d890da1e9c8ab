// What the connections and exchanges of the fast lane share: one table for the head being read, and what the lane was made
// with.
import { RequestHead } from '../../h1/request-head.ts';
import type { UpstreamWireClient } from '../../upstream/index.ts';
import type { LaneDeps } from '../general/lane-deps.ts';
import { DateText } from './date-text.ts';
import { DropTables } from './head-text.ts';

export class FastLaneParts {
  readonly deps: LaneDeps;
  readonly upstream: UpstreamWireClient;
  readonly requestHead: RequestHead;
  /** Whose head the table holds. */
  headOwner: object | null = null;
  readonly drops = new DropTables();
  readonly date = new DateText();

  constructor(deps: LaneDeps, upstream: UpstreamWireClient) {
    this.deps = deps;
    this.upstream = upstream;
    this.requestHead = new RequestHead({
      headBytesMax: deps.limits.headBytesMax,
      lineBytesMax: deps.limits.headLineBytesMax,
      fieldsMax: deps.limits.headFieldsMax,
    });
  }
}
