// tako-server: reads options, runs the daemon or an upgrade of it, turns signals into its life. The only place that exits.
import path from 'node:path';
import { TakoError, isTakoError } from '@tako/config';
import { closeInheritedDescriptors } from '@tako/supervisor';
import { runDaemonProcess } from './daemon/daemon-process.ts';
import type { DaemonProcess, DaemonProcessSpec } from './daemon/daemon-process.ts';
import { handoffChannelFd } from './daemon/handoff-channel.ts';
import { joinSuccession } from './daemon/successor.ts';
import { ControlSockets } from './listeners/control-sockets.ts';
import { inheritListeningSockets } from './listeners/listening-sockets.ts';
import type { ListeningSockets } from './listeners/listening-sockets.ts';
import { createLog } from './log.ts';
import { readServerVersion } from './management/server-identity.ts';
import { helpText, parseCommandLine, resolveOptions } from './options/options.ts';
import type { ServerOptions } from './options/option-table.ts';
import { readServerToml } from './options/server-toml.ts';
import {
  clearEnvironment,
  readEnvironment,
  takeHandoffOffer,
  withoutServiceManager,
} from './process-environment.ts';
import { serviceManagerVariables } from './service-manager/activation-request.ts';
import { createNotifier } from './service-manager/notifier.ts';
import {
  controlListeners,
  proxyListeners,
  takeInheritedSockets,
} from './service-manager/socket-activation.ts';
import { askStandby } from './standby/give-back.ts';
import { startStandby } from './standby/standby-life.ts';
import { runUpgradeCommand } from './upgrade/upgrade-command.ts';

const offer = takeHandoffOffer();
const environment = readEnvironment();

/** Reports a failed start as a person reads it: what, which, next step. */
function fail(error: unknown): never {
  if (isTakoError(error)) {
    process.stderr.write(
      `tako-server: ${error.message}\n  ${error.code}${error.hint === null ? '' : `: ${error.hint}`}\n`,
    );
    process.exit(error.code === 'OPTION_INVALID' ? 2 : 1);
  }
  process.stderr.write(
    `tako-server: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(1);
}

async function readOptions(): Promise<ServerOptions | null> {
  const line = parseCommandLine(process.argv.slice(2));
  if (line.help || line.version) {
    process.stdout.write(line.help ? helpText() : `tako-server ${readServerVersion()}\n`);
    return null;
  }
  // The data directory decides where server.toml is, so it is settled before the file is read.
  const { dataDir } = resolveOptions(line, environment, {});
  const options = resolveOptions(line, environment, await readServerToml(dataDir));
  if (!line.check) return options;
  process.stdout.write('the options are valid\n');
  return null;
}

/** What the service manager holds open for this process. */
interface Activated {
  readonly sockets: ListeningSockets | null;
  readonly control: ControlSockets;
}

/** Before anything is opened: a descriptor that our parent left open would be left open in every instance too. */
function settleDescriptors(options: ServerOptions): Activated {
  if (offer !== null) {
    const handed = [...(offer.listeners ?? []), ...(offer.control ?? [])].map(({ fd }) => fd);
    closeInheritedDescriptors(new Set([handoffChannelFd, ...handed]));
    return { sockets: null, control: ControlSockets.inherit([]) };
  }
  const places = {
    httpPort: options.httpPort,
    httpsPort: options.httpsPort,
    socket: options.socket,
    metricsPort: options.metricsListen?.port ?? null,
  };
  const inherited = takeInheritedSockets({
    environment,
    pid: process.pid,
    listenFd: options.listenFd,
    places,
  });
  closeInheritedDescriptors(new Set(inherited.map((socket) => socket.fd)));
  const listeners = proxyListeners(inherited);
  return {
    sockets:
      listeners.length === 0
        ? null
        : inheritListeningSockets(listeners.map((listener) => ({ ...listener, activated: true }))),
    control: ControlSockets.inherit(controlListeners(inherited)),
  };
}

function daemonSpec(options: ServerOptions): DaemonProcessSpec {
  const log = createLog(options.logLevel);
  const activated = settleDescriptors(options);
  const notifier = createNotifier({ environment, pid: process.pid, log });
  clearEnvironment(serviceManagerVariables);
  // Only a blocked event loop stops it: that is what the watchdog is to notice.
  if (notifier.watchdogIntervalMs !== null)
    setInterval(() => notifier.watchdog(), notifier.watchdogIntervalMs).unref();
  const extension = path.extname(import.meta.filename);
  const program = process.argv0.startsWith('/') ? process.argv0 : process.execPath;
  const version = readServerVersion();
  return {
    spec: {
      options,
      environment,
      version,
      program,
      workerScript: path.join(import.meta.dirname, `worker-main${extension}`),
      log,
    },
    // argv[1] keeps the links that this daemon was started through: after an upgrade they lead to the new version.
    successor: {
      program,
      arguments: [...process.execArgv, ...process.argv.slice(1)],
      environment: { ...withoutServiceManager(environment), ...notifier.successorEnvironment },
    },
    succession: offer === null ? null : joinSuccession(offer),
    activated: activated.sockets,
    activatedControl: activated.control,
    notifier,
    onHandedOver: () => process.exit(0),
    onLost: fail,
  };
}

async function run(options: ServerOptions): Promise<DaemonProcess> {
  if (options.standby && options.workers === 0) {
    throw new TakoError(
      'OPTION_INVALID',
      '--standby needs workers: without them nothing serves until it acts',
      {
        hint: '--workers auto, for both',
      },
    );
  }
  const given = daemonSpec(options);
  if (!options.standby) {
    const succession = given.succession ?? (await askStandby(path.dirname(options.socket)));
    return runDaemonProcess({ ...given, succession });
  }
  const { log } = given.spec;
  const acting = given.succession === null ? null : await runDaemonProcess(given);
  const standby = {
    options,
    log,
    acting,
    act: () => runDaemonProcess({ ...given, succession: null }),
    onWatching: () => {
      log.info({ socket: options.socket, intervalMs: options.standbyIntervalMs }, 'standby began to watch');
      given.notifier.ready('standing by');
    },
  };
  return startStandby(standby, fail);
}

/** From the first moment on: a signal that comes during the start is kept until there is somebody to tell. */
function handleSignals(daemon: Promise<DaemonProcess>): void {
  const stop = (signal: NodeJS.Signals): void => {
    daemon.then((running) => running.stop(signal)).then(() => process.exit(0), fail);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // A failed start says so itself.
  process.on(
    'SIGHUP',
    () =>
      void daemon.then(
        (running) => running.reload(),
        () => undefined,
      ),
  );
  process.on('SIGUSR2', () => process.stderr.write(`${process.report.writeReport()}\n`));
}

/** Aborted by the first signal: the upgrade then puts everything back. SIGHUP: the terminal or the SSH session ended. */
async function upgrade(): Promise<never> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => interrupted.abort(new Error(signal)));
  const exitCode = await runUpgradeCommand({
    argv: process.argv.slice(3),
    environment,
    write: (text) => process.stdout.write(text),
    signal: interrupted.signal,
  });
  process.exit(exitCode);
}

try {
  if (process.argv[2] === 'upgrade') await upgrade();
  const options = await readOptions();
  if (options !== null) {
    const daemon = run(options);
    handleSignals(daemon);
    await daemon;
  }
} catch (error) {
  fail(error);
}
