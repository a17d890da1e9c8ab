// Tells the service manager how this process is doing (sd_notify(3)), from within it: `NotifyAccess=main` hears no
// other process, so that no app can speak for the daemon. Without NOTIFY_SOCKET it does nothing.
import type { Environment } from '../process-environment.ts';
import type { Log } from '../log.ts';
import { openLibc } from './libc.ts';
import type { Libc } from './libc.ts';
import { notifyTimeoutMs } from './limits.ts';
import { parseUnixAddress, parseWatchdogInterval, statusLine } from './notify-address.ts';

export interface Notifier {
  /** There is a service manager to tell. */
  readonly isHeard: boolean;
  /** `READY=1`: started, or done with reloading. From the main process only, or it is not heard. */
  ready(status: string): void;
  /** `RELOADING=1`: until the next `ready`, which may come from a successor. */
  reloading(status: string): void;
  /** `STOPPING=1`. */
  stopping(status: string): void;
  /** `STATUS=`: a line for people in `systemctl status`. */
  status(status: string): void;
  /**
   * `MAINPID=`: that process is the service now. The last message of this process that is heard; its successor says
   * `ready` after it, so tell the successor only when this has returned.
   */
  mainPid(pid: number): void;
  /** Call `watchdog` so often; null when nobody watches. */
  readonly watchdogIntervalMs: number | null;
  /** `WATCHDOG=1`; never waits. */
  watchdog(): void;
  /** What a successor's environment needs. No WATCHDOG_PID: without it the watchdog is whoever is told of it. */
  readonly successorEnvironment: Readonly<Record<string, string>>;
}

export interface NotifierSpec {
  readonly environment: Environment;
  readonly pid: number;
  readonly log: Log;
}

const nothing = (): void => undefined;
const silent: Notifier = Object.freeze({
  isHeard: false,
  ready: nothing,
  reloading: nothing,
  stopping: nothing,
  status: nothing,
  mainPid: nothing,
  watchdogIntervalMs: null,
  watchdog: nothing,
  successorEnvironment: Object.freeze({}),
});

/** sd_notify(3): CLOCK_MONOTONIC in µs when the reload began; Node's hrtime is that clock in ns. */
function monotonicMicroseconds(): string {
  return String(process.hrtime.bigint() / 1000n);
}

/** Sends; a failure is logged when it begins and when it ends, and hurts nobody. */
function createSender(
  address: Uint8Array,
  libc: Libc,
  log: Log,
): (lines: readonly string[], waitMs: number) => void {
  let failing = false;
  return (lines, waitMs) => {
    const reason = libc.sendDatagram(address, lines.join('\n'), waitMs);
    if (reason !== null && !failing)
      log.error({ reason, message: lines[0] }, 'service manager could not be told');
    if (reason === null && failing) log.info({ message: lines[0] }, 'service manager could be told again');
    failing = reason !== null;
  };
}

/** Never throws: a server whose service manager cannot be reached serves all the same, and its log says so. */
export function createNotifier({ environment, pid, log }: NotifierSpec): Notifier {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdogUsec } = environment;
  if (socket === undefined || socket === '') return silent;
  const address = parseUnixAddress(socket);
  if (address === null) {
    log.error(
      { socket },
      'NOTIFY_SOCKET is no path and no abstract name: the service manager is not told anything',
    );
    return silent;
  }
  let libc: Libc;
  try {
    libc = openLibc();
  } catch (error) {
    log.error(
      { err: error },
      'library for Unix datagrams could not be loaded: the service manager is not told anything',
    );
    return silent;
  }
  const send = createSender(address, libc, log);
  const say = (...lines: string[]): void => send(lines, notifyTimeoutMs);
  return {
    isHeard: true,
    ready: (status) => say('READY=1', statusLine(status)),
    reloading: (status) =>
      say('RELOADING=1', `MONOTONIC_USEC=${monotonicMicroseconds()}`, statusLine(status)),
    stopping: (status) => say('STOPPING=1', statusLine(status)),
    status: (status) => say(statusLine(status)),
    mainPid: (main) => say(`MAINPID=${main}`),
    watchdogIntervalMs: parseWatchdogInterval(environment, pid),
    watchdog: () => send(['WATCHDOG=1'], 0),
    successorEnvironment: Object.freeze({
      NOTIFY_SOCKET: socket,
      ...(watchdogUsec === undefined ? {} : { WATCHDOG_USEC: watchdogUsec }),
    }),
  };
}
