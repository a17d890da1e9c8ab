// One data plane as the control process sees it, wherever it runs: a worker process or this very process.
import type { ControlMessage, WorkerMessage } from '@tako/proxy';

export interface PlaneLink {
  /** Unique within this daemon; a pid for workers. */
  readonly id: number;
  readonly generation: number;
  send(message: ControlMessage): void;
}

export interface PlaneHooks {
  readonly onMessage: (link: PlaneLink, message: WorkerMessage) => void;
  /** Said once, when the plane can no longer be reached: it died, or was closed. */
  readonly onGone: (link: PlaneLink, reason: string) => void;
}
