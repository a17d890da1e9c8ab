// The daemon's process over its generations: starts a daemon, hands it to a successor on SIGHUP, takes it back when
// the successor fails, ends it on SIGTERM. Knows signals and exits only through what main.ts gives it.
import type { Socket } from 'node:net';
import { TakoError } from '@tako/config';
import type { ServerIdentity } from '@tako/protocol';
import { errorMessage } from '../files/durable-file.ts';
import type { ControlSockets } from '../listeners/control-sockets.ts';
import type { ListeningSockets } from '../listeners/listening-sockets.ts';
import type { Log } from '../log.ts';
import type { Notifier } from '../service-manager/notifier.ts';
import { startDaemon } from './daemon.ts';
import type { Daemon } from './daemon-end.ts';
import { nothingInherited } from './daemon-spec.ts';
import type { DaemonSpec, Inheritance } from './daemon-spec.ts';
import { handOff, meetSuccessor, startSuccessor } from './handoff.ts';
import type { HandoffOutcome, Successor, SuccessorProgram } from './handoff.ts';
import type { Succession } from './successor.ts';

export interface DaemonProcess {
  stop(signal: string): Promise<void>;
  /** Any number of times; those that come while one is under way become one more after it. */
  reload(): void;
  /** Hands over to the process at the other end, which asks for it; true when that serves now. */
  giveBack(channel: Socket): Promise<boolean>;
}

export interface DaemonProcessSpec {
  readonly spec: DaemonSpec;
  readonly successor: SuccessorProgram;
  readonly notifier: Notifier;
  /** Listening sockets of the service manager (socket activation); null when it holds none. */
  readonly activated: ListeningSockets | null;
  readonly activatedControl: ControlSockets;
  /** What this process was started for, when it is a successor itself. */
  readonly succession: Succession | null;
  /** The successor serves: nothing is left to do here. */
  readonly onHandedOver: () => void;
  /** A handoff failed after this daemon had let go, and it could not take over again. */
  readonly onLost: (error: unknown) => void;
}

interface Meeting {
  readonly meet: () => Promise<Successor>;
  /** The successor inherits this process's listening sockets. */
  readonly handsSockets: boolean;
}

class ProcessLife implements DaemonProcess {
  readonly #given: DaemonProcessSpec;
  readonly #log: Log;
  #daemon: Daemon;
  /** Until it is decided who leads. */
  #reloading: Promise<void> | null = null;
  #again = false;
  /** Told to stop: whom it would hand over to would be nobody's to stop. */
  #stopping = false;
  /** Leads instead of this process, which only ends what it still serves. */
  #heir: Successor | null = null;
  #heirEnd: Promise<void> | null = null;
  #left: Promise<void> | null = null;
  /** Took back after a failed handoff: what was served here before that. */
  #before: Promise<void> | null = null;

  constructor(given: DaemonProcessSpec, daemon: Daemon) {
    this.#given = given;
    this.#log = given.spec.log;
    this.#daemon = daemon;
  }

  /**
   * Meant for whoever leads: systemd knows the main process only as of before a handoff, and tells no other when a stop
   * comes during a reload.
   */
  async stop(signal: string): Promise<void> {
    this.#stopping = true;
    await this.#reloading;
    if (this.#heir !== null) {
      this.#heirEnd = this.#heir.stop();
      await Promise.all([this.#heirEnd, this.#left]);
      return;
    }
    this.#given.notifier.stopping('draining');
    const before = this.#before;
    // A second stop is quick.
    this.#before = null;
    await Promise.all([this.#daemon.stop(signal), before]);
  }

  reload(): void {
    if (this.#stopping) {
      this.#log.info({}, 'reload refused: the server stops');
      return;
    }
    if (this.#heir !== null) {
      this.#heir.reload();
      return;
    }
    if (this.#reloading !== null) {
      this.#again = true;
      return;
    }
    this.#reloading = this.#reload().finally(() => {
      this.#reloading = null;
      if (!this.#again) return;
      this.#again = false;
      // Of the heir, too: it may have read options already that a SIGHUP since then is about.
      this.reload();
    });
  }

  async #reload(): Promise<void> {
    const { successor, notifier } = this.#given;
    notifier.status('starting a successor');
    const outcome = await this.#handOver({
      handsSockets: true,
      meet: () => startSuccessor(successor, this.#daemon),
    });
    if (outcome.kind === 'failed') {
      notifier.ready(`serving; the last reload failed: ${outcome.reason}`);
      return;
    }
    this.#retire().catch(this.#given.onLost);
  }

  async #retire(): Promise<void> {
    this.#left = this.#daemon.leave();
    await this.#left;
    await this.#heirEnd;
    this.#given.onHandedOver();
  }

  async giveBack(channel: Socket): Promise<boolean> {
    if (this.#stopping || this.#reloading !== null || this.#heir !== null) {
      channel.destroy();
      return false;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reloading = promise;
    try {
      const outcome = await this.#handOver({ handsSockets: false, meet: async () => meetSuccessor(channel) });
      if (outcome.kind === 'handedOver') {
        this.#left = this.#daemon.leave();
        await this.#left;
        // This process lives on: what it kept would be bound for whoever starts later.
        this.#daemon.sockets.release();
      }
      return outcome.kind === 'handedOver';
    } finally {
      this.#reloading = null;
      resolve();
    }
  }

  /** Failed: this daemon goes on, as if nothing had happened. */
  async #handOver(meeting: Meeting): Promise<HandoffOutcome> {
    const daemon = this.#daemon;
    const startedAt = Date.now();
    await daemon.quiesce();
    const outcome = await meeting.meet().then(
      (successor) =>
        handOff(successor, {
          letGo: async () => {
            const partials = await daemon.letGo();
            // Over a connection no socket goes along: the other one binds them itself.
            if (!meeting.handsSockets) await daemon.control.release();
            return partials;
          },
          announce: (pid) => {
            if (pid === 0) return;
            // Not before: a unit that reloads is stopped without ExecStop=, and its main process killed at once.
            this.#given.notifier.reloading('handing over');
            this.#given.notifier.mainPid(pid);
          },
        }),
      (error: unknown): HandoffOutcome => ({ kind: 'failed', reason: errorMessage(error), released: null }),
    );
    const durationMs = Date.now() - startedAt;
    if (outcome.kind === 'handedOver') {
      this.#heir = outcome.successor;
      this.#log.info({ successor: outcome.successor.pid, durationMs }, 'handed over to the successor');
      return outcome;
    }
    this.#log.error({ reason: outcome.reason, durationMs }, 'handoff failed');
    const lastReload = { at: Date.now(), ok: false, reason: outcome.reason };
    if (outcome.released === null) daemon.reloadFailed(lastReload);
    else await this.#takeBack(outcome.released, lastReload);
    return outcome;
  }

  /** As after a crash, but in this process: adopt what runs, replace the workers. */
  async #takeBack(
    partials: Inheritance['partials'],
    lastReload: ServerIdentity['lastReload'],
  ): Promise<void> {
    try {
      const before = this.#daemon;
      const management = before.keepManagement();
      await before.close();
      this.#daemon = await startDaemon(this.#given.spec, {
        management,
        sockets: before.sockets,
        control: before.control,
        partials,
        lastReload,
        predecessor: null,
      });
      this.#before = before.finishServing();
    } catch (error) {
      this.#given.onLost(error);
    }
  }
}

export async function runDaemonProcess(given: DaemonProcessSpec): Promise<DaemonProcess> {
  const { spec, succession } = given;
  const inheritance = succession === null ? nothingInherited : await succession.takeOver();
  // Where a standby gives back to a process that has sockets of its service manager, those are the ones.
  const daemon = await startDaemon(spec, {
    ...inheritance,
    sockets: inheritance.sockets ?? given.activated,
    control: inheritance.control.with(given.activatedControl),
  });
  const isNamed = (await succession?.ready()) ?? true;
  if (!isNamed && given.notifier.isHeard) {
    // The service manager will start another one, which adopts everything; two that lead would be one too many.
    throw new TakoError('HANDOFF_FAILED', 'the daemon before died before it had named its successor', {
      hint: 'the service manager starts the next one',
    });
  }
  given.notifier.ready(`serving, version ${spec.version}`);
  // The main process from now on. Daemons that replace one another more often than they speak must not look dead.
  given.notifier.watchdog();
  return new ProcessLife(given, daemon);
}
