// The words of an upgrade: what is asked for, its steps in order, how it ended.

/** In this order. `leave`: upgrading mode ends. */
export type UpgradeStep = 'enter' | 'unpack' | 'switch' | 'reload' | 'healthy' | 'leave';

/** A build to unpack, or one that lies on this host already. */
export type UpgradeTarget =
  | { readonly kind: 'archive'; readonly file: string; readonly sha256: string }
  | { readonly kind: 'version'; readonly version: string };

export type UpgradeEvent =
  /** An upgrade that was killed: it had got as far as to serve and was ended, or was put back. */
  | { readonly type: 'recovered'; readonly version: string; readonly how: 'finished' | 'putBack' }
  | { readonly type: 'step'; readonly step: UpgradeStep; readonly from: string; readonly to: string }
  | { readonly type: 'puttingBack'; readonly version: string; readonly reason: string };

export type UpgradeOutcome =
  | { readonly kind: 'nothingToDo'; readonly version: string }
  | { readonly kind: 'upgraded'; readonly from: string; readonly to: string; readonly pid: number };
