// A real Debian host for tests: systemd, sshd and an address of its own, in systemd-nspawn. When it is disposed nothing
// is left of it: no process, no cable, no file.
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CapturedProcess, startCaptured } from '../support/captured-process.ts';
import { children, ended, isRunning } from '../support/processes.ts';
import { type CommandOptions, type CommandResult, runCommand } from './commands.ts';
import { copyRootfs, hostCacheDir } from './debian-rootfs.ts';
import { type HostNetwork, chooseNetwork, plugCable } from './host-network.ts';
import { bootTimeoutMs, endTimeoutMs } from './limits.ts';
import { type SshAccess, allowSsh } from './ssh-access.ts';

const pollMs = 20;
/** With --keep-unit systemd-nspawn leaves the restart to whoever started it (its RestartForceExitStatus=). */
const rebootExitCode = 133;
/** Of whatever runs inside; nothing of the tests' own environment. */
const environment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
};

export interface NspawnHost extends AsyncDisposable {
  readonly name: string;
  /** Reached from this machine only. */
  readonly address: string;
  /** The host's `/` as a directory of this machine. What it has mounted there (/run, /tmp) is not to be seen. */
  readonly rootDir: string;
  readonly ssh: SshAccess;
  /** PID of the host's init, as this machine sees it; another one after a reboot. */
  readonly leader: number;
  /** As root, in all namespaces of the host, without a login. */
  exec(argv: readonly [string, ...string[]], options?: CommandOptions): Promise<CommandResult>;
  /** A shell script, as root. Its trimmed output. */
  sh(script: string, options?: CommandOptions): Promise<string>;
  /** As a user, over SSH, with that user's login shell. */
  sshRun(command: string, options?: CommandOptions & { readonly user?: string }): Promise<CommandResult>;
  /** Resolves when it has booted again. */
  reboot(): Promise<void>;
  /** Everything that it wrote to its console. */
  console(): string;
  /** The journal of one unit, or of all. */
  journal(unit?: string): Promise<string>;
}

/** Throws when it does not boot; then nothing is left either. */
export async function startHost(): Promise<NspawnHost> {
  // The interface is called `ve-NAME`: 15 characters at most.
  const name = `tako${randomBytes(3).toString('hex')}`;
  const directory = path.join(hostCacheDir(), 'hosts', `${name}-${process.pid}`);
  await sweepHosts(path.dirname(directory));
  const rootDir = path.join(directory, 'root');
  await mkdir(directory, { recursive: true, mode: 0o755 });
  try {
    await copyRootfs(rootDir);
    await writeFile(path.join(rootDir, 'etc/hostname'), `${name}\n`);
    // Empty: made at the first boot, as on a new server (machine-id(5)).
    await writeFile(path.join(rootDir, 'etc/machine-id'), '');
    const network = chooseNetwork(Number.parseInt(name.slice(4), 16));
    const ssh = await allowSsh({ directory, rootDir, address: network.far });
    const host = new RunningHost({ name, directory, rootDir, network, ssh }, await spawnHost(name, rootDir));
    try {
      await host.whenBooted();
      return host;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** --keep-unit and --register=no: this machine may have no systemd to ask for a scope. It dies with this process. */
function spawnHost(name: string, rootDir: string): Promise<CapturedProcess> {
  const nspawn = [
    'systemd-nspawn',
    '-D',
    rootDir,
    '--register=no',
    '--keep-unit',
    '--network-veth',
    '-M',
    name,
    '-b',
  ];
  return startCaptured('setpriv', ['--pdeathsig', 'KILL', ...nspawn], {
    env: { ...environment, SYSTEMD_COLORS: '0' },
  });
}

/** What a test run that was killed has left: the directories of processes that are gone. */
async function sweepHosts(hostsDir: string): Promise<void> {
  if (!existsSync(hostsDir)) return;
  for (const name of readdirSync(hostsDir)) {
    const pid = Number(/-(\d+)$/.exec(name)?.[1] ?? 0);
    if (!isRunning(pid)) await rm(path.join(hostsDir, name), { recursive: true, force: true });
  }
}

interface HostFacts {
  readonly name: string;
  readonly directory: string;
  readonly rootDir: string;
  readonly network: HostNetwork;
  readonly ssh: SshAccess;
}

class RunningHost implements NspawnHost {
  readonly #facts: HostFacts;
  #nspawn: CapturedProcess;
  #leader = 0;
  /** What the boots before this one wrote. */
  #earlier = '';

  constructor(facts: HostFacts, nspawn: CapturedProcess) {
    this.#facts = facts;
    this.#nspawn = nspawn;
  }

  get name(): string {
    return this.#facts.name;
  }

  get address(): string {
    return this.#facts.network.far;
  }

  get rootDir(): string {
    return this.#facts.rootDir;
  }

  get ssh(): SshAccess {
    return this.#facts.ssh;
  }

  get leader(): number {
    return this.#leader;
  }

  /** The console asks for a login late in the boot; systemd then tells its end. */
  async whenBooted(): Promise<void> {
    await this.#nspawn.printed(/login: /, bootTimeoutMs);
    this.#leader = this.#findLeader();
    await plugCable(this.name, this.#leader, this.#facts.network);
    // Ends with 1 for `degraded`, which a test may want to look at.
    await this.exec(['systemctl', 'is-system-running', '--wait'], {
      mayFail: true,
      timeoutMs: bootTimeoutMs,
    });
  }

  /** The init of the host is the child of systemd-nspawn that is number 1 in a namespace of its own. */
  #findLeader(): number {
    const found = children(this.#nspawn.pid).find((pid) =>
      /^NSpid:\t\d+\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')),
    );
    if (found === undefined) throw new Error(`systemd-nspawn has no init:\n${this.console()}`);
    return found;
  }

  exec(argv: readonly [string, ...string[]], options: CommandOptions = {}): Promise<CommandResult> {
    const enter = ['nsenter', '--target', String(this.#leader), '--all', '--root', '--wd', '--'] as const;
    return runCommand([...enter, ...argv], { env: environment, ...options });
  }

  async sh(script: string, options: CommandOptions = {}): Promise<string> {
    return (await this.exec(['/bin/sh', '-euc', script], options)).stdout.trim();
  }

  sshRun(command: string, options: CommandOptions & { readonly user?: string } = {}): Promise<CommandResult> {
    const { user = 'root', ...rest } = options;
    return runCommand(['ssh', '-F', this.ssh.configFile, '-l', user, this.address, command], rest);
  }

  async reboot(): Promise<void> {
    await this.exec(['systemctl', 'reboot'], { mayFail: true });
    const timedOut = sleep(bootTimeoutMs, null, { ref: false });
    const exit = await Promise.race([this.#nspawn.exited, timedOut]);
    if (exit?.code !== rebootExitCode)
      throw new Error(`the host did not reboot (${JSON.stringify(exit)}):\n${this.console()}`);
    this.#earlier = this.console();
    await linkGone(`ve-${this.name}`);
    this.#nspawn = await spawnHost(this.name, this.rootDir);
    await this.whenBooted();
  }

  console(): string {
    return `${this.#earlier}${this.#nspawn.output()}`;
  }

  journal(unit?: string): Promise<string> {
    return this.sh(`journalctl --no-pager -o short-monotonic ${unit === undefined ? '' : `-u ${unit}`}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const leaders = children(this.#nspawn.pid);
    // The kernel ends everything inside with its init (pid_namespaces(7)); systemd-nspawn cleans up and follows.
    for (const pid of leaders) process.kill(pid, 'SIGKILL');
    if (leaders.length === 0) this.#nspawn.child.kill('SIGKILL');
    await this.#nspawn.exited;
    await Promise.all(leaders.map((pid) => ended(pid, endTimeoutMs)));
    await linkGone(`ve-${this.name}`);
    await rm(this.#facts.directory, { recursive: true, force: true });
  }
}

/** The cable goes with the last process of its namespace, a moment later. */
async function linkGone(link: string): Promise<void> {
  const deadline = Date.now() + endTimeoutMs;
  while (existsSync(`/sys/class/net/${link}`)) {
    if (Date.now() > deadline) throw new Error(`the network interface ${link} stayed`);
    await sleep(pollMs);
  }
}

/** What is left on this machine of a host of that name: mounts, interfaces, directories. */
export async function tracesOf(host: Pick<NspawnHost, 'name' | 'rootDir'>): Promise<string[]> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .filter((line) => line.includes(host.name));
  const files = [
    path.dirname(host.rootDir),
    `/run/systemd/nspawn/propagate/${host.name}`,
    `/sys/class/net/ve-${host.name}`,
  ];
  return [...mounts, ...files.filter((file) => existsSync(file))];
}
