// What a daemon and its successor say to one another, over a socket pair that the successor inherits as fd 3.
import type { PartialLines } from '@tako/supervisor';
import type { InheritedControlSocket } from '../listeners/control-sockets.ts';
import type { InheritedListener } from '../workers/worker-arguments.ts';

/** In the successor's environment, as JSON; cleared when read. */
export const handoffVariable = 'TAKO_SERVER_HANDOFF';
export const handoffChannelFd = 3;
export const firstHandedFd = 4;

export interface HandoffOffer {
  readonly predecessor: number;
  /** null: only workers hold the listening sockets. */
  readonly listeners: readonly InheritedListener[] | null;
  /** Absent from a predecessor of a version before there were any. */
  readonly control?: readonly InheritedControlSocket[];
}

export type FromSuccessor =
  /** Options are valid and everything it needs from this machine is there; nothing was touched. */
  | { readonly type: 'prepared' }
  /** Its workers serve and its management socket answers. */
  | { readonly type: 'ready' };

export type FromPredecessor =
  /** Nobody supervises from now on: the successor takes over. */
  | { readonly type: 'released'; readonly partials: Readonly<Record<string, PartialLines>> }
  /** The service manager was told that the successor is the service: only now is it heard. */
  | { readonly type: 'main' };
