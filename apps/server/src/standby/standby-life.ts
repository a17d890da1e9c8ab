// The life of a standby: it watches, acts when the server is gone and nobody else holds its lock, gives back when the
// server returns, and watches again. What a daemon does while it acts is the daemon's.
import type { Socket } from 'node:net';
import path from 'node:path';
import { isTakoError } from '@tako/config';
import type { DaemonProcess } from '../daemon/daemon-process.ts';
import type { Log } from '../log.ts';
import type { ServerOptions } from '../options/option-table.ts';
import { openGiveBack } from './give-back.ts';
import { primaryIsGone } from './primary-watch.ts';

export interface StandbySpec {
  readonly options: ServerOptions;
  readonly log: Log;
  /** Starts a daemon that takes over what it finds. Throws SERVER_ALREADY_RUNNING while another holds the lock. */
  readonly act: () => Promise<DaemonProcess>;
  /** It acts from its start on: the successor of one that did. */
  readonly acting: DaemonProcess | null;
  readonly onWatching: () => void;
}

class StandbyLife implements DaemonProcess {
  readonly #spec: StandbySpec;
  readonly #stopped = new AbortController();
  #acting: DaemonProcess | null;
  #starting: Promise<DaemonProcess> | null = null;

  constructor(spec: StandbySpec) {
    this.#spec = spec;
    this.#acting = spec.acting;
  }

  async stop(signal: string): Promise<void> {
    this.#stopped.abort();
    const acting = this.#acting ?? (await this.#starting?.catch(() => null));
    await acting?.stop(signal);
  }

  /** One that watches has nothing to hand over; its options are those of its start. */
  reload(): void {
    this.#acting?.reload();
  }

  /** Only its own socket asks for that. */
  async giveBack(): Promise<boolean> {
    return false;
  }

  /** Until it is stopped. */
  async live(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      this.#acting ??= await this.#takeOver();
      if (this.#acting === null) continue;
      await this.#actUntilAsked(this.#acting);
      this.#acting = null;
    }
  }

  async #takeOver(): Promise<DaemonProcess | null> {
    const { options, log, act, onWatching } = this.#spec;
    onWatching();
    const watch = { socketPath: options.socket, intervalMs: options.standbyIntervalMs };
    if (!(await primaryIsGone({ ...watch, signal: this.#stopped.signal }))) return null;
    try {
      this.#starting = act();
      const acting = await this.#starting;
      log.warn({}, 'server was gone: the standby acts');
      return acting;
    } catch (error) {
      // Hanging, not gone; or it came back in this moment.
      const isHeld = isTakoError(error) && error.code === 'SERVER_ALREADY_RUNNING';
      if (isHeld) log.warn({ reason: error.message }, 'server does not answer, but lives');
      else log.error({ err: error }, 'standby could not take over');
      return null;
    } finally {
      this.#starting = null;
    }
  }

  async #actUntilAsked(acting: DaemonProcess): Promise<void> {
    const { options, log } = this.#spec;
    const gone = Promise.withResolvers<void>();
    const onAsked = (channel: Socket): void => {
      acting.giveBack(channel).then((given) => given && gone.resolve(), gone.reject);
    };
    await using _door = await openGiveBack(path.dirname(options.socket), onAsked);
    await gone.promise;
    log.info({}, 'server is back: the standby watches');
  }
}

/** `lost` gets what ended it against its will. */
export function startStandby(spec: StandbySpec, lost: (error: unknown) => void): DaemonProcess {
  const life = new StandbyLife(spec);
  life.live().catch(lost);
  return life;
}
