// What a drain may do with a request that is under way.

export interface InFlightRequest {
  /** Upgraded connections and event streams have no end of their own: at the deadline they are ended properly. */
  readonly isStream: () => boolean;
  /** Close frame 1001, or end of stream. */
  readonly endPolitely: () => void;
  readonly cut: () => void;
}
