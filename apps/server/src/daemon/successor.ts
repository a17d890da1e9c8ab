// The successor's side of a handoff: what it was offered, and the words it has to say at the right moments.
import { Socket } from 'node:net';
import { TakoError } from '@tako/config';
import { handoffAnnounceTimeoutMs, handoffReleaseTimeoutMs } from '../limits.ts';
import { ControlSockets } from '../listeners/control-sockets.ts';
import { inheritListeningSockets } from '../listeners/listening-sockets.ts';
import { withDeadline } from '../timing.ts';
import { createMessageLine } from '../workers/message-line.ts';
import type { Inheritance } from './daemon-spec.ts';
import { handoffChannelFd } from './handoff-channel.ts';
import type { FromPredecessor, FromSuccessor, HandoffOffer } from './handoff-channel.ts';

export interface Succession {
  /** Says `prepared`; resolves with what the predecessor let go of. Throws HANDOFF_FAILED when it died or changed its mind. */
  takeOver(): Promise<Inheritance>;
  /**
   * The predecessor may exit. Resolves when the service manager knows this process; to false when the predecessor, whose
   * child this is, died before it said so.
   */
  ready(): Promise<boolean>;
}

/** By default over the channel that a successor inherits; a standby that gives back is reached over a socket. */
export function joinSuccession(offer: HandoffOffer, given: Socket | null = null): Succession {
  const channel = given ?? new Socket({ fd: handoffChannelFd });
  const released = Promise.withResolvers<Extract<FromPredecessor, { type: 'released' }> | null>();
  const announced = Promise.withResolvers<boolean>();
  const line = createMessageLine<FromPredecessor, FromSuccessor>(channel, {
    onMessage: (message) => {
      if (message.type === 'released') released.resolve(message);
      else announced.resolve(true);
    },
    // A predecessor that dies before it let go leaves everything to whoever starts next.
    onClose: () => {
      released.resolve(null);
      // Whom a standby gives back to was started by a service manager of its own.
      announced.resolve(given !== null);
    },
  });
  return {
    takeOver: async () => {
      line.send({ type: 'prepared' });
      const message = await withDeadline(released.promise, handoffReleaseTimeoutMs, null);
      if (message === null) {
        throw new TakoError('HANDOFF_FAILED', `the daemon ${offer.predecessor} did not let go`, {
          hint: 'its log says why; it goes on by itself',
          details: { predecessor: offer.predecessor },
        });
      }
      return {
        sockets: offer.listeners === null ? null : inheritListeningSockets(offer.listeners),
        control: ControlSockets.inherit(offer.control ?? []),
        partials: new Map(Object.entries(message.partials)),
        lastReload: { at: Date.now(), ok: true, reason: null },
        predecessor: offer.predecessor,
        management: null,
      };
    },
    ready: async () => {
      line.send({ type: 'ready' });
      return withDeadline(announced.promise, handoffAnnounceTimeoutMs, true);
    },
  };
}
