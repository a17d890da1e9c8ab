// Turns a spec into the command line and environment that are really spawned: prlimit, then setpriv, then the app.
// Pure. Each program is named by its absolute path and runs with nothing that the app could have chosen while it
// still holds the daemon's privileges.
import type { HostPrivileges } from './host-privileges.ts';
import type { InstanceSpec } from './instance-spec.ts';

export interface LaunchCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Variables that make the C library load or read other files: the list that glibc itself drops for setuid programs
 * (sysdeps/generic/unsecvars.h, ld.so(8) "Secure-execution mode"), for the same reason: `LD_PRELOAD` of an app must
 * not run inside setpriv(1) before the privileges are gone.
 */
const unsafeNames: ReadonlySet<string> = new Set([
  'GCONV_PATH',
  'GETCONF_DIR',
  'HOSTALIASES',
  'LOCALDOMAIN',
  'LOCPATH',
  'NIS_PATH',
  'NLSPATH',
  'RESOLV_HOST_CONF',
  'RES_OPTIONS',
  'TMPDIR',
  'TZDIR',
]);
const unsafePrefixes = ['LD_', 'MALLOC_', 'GLIBC_'] as const;

function isUnsafeForPrivileged(name: string): boolean {
  return unsafeNames.has(name) || unsafePrefixes.some((prefix) => name.startsWith(prefix));
}

function prlimitArgs(spec: InstanceSpec, host: HostPrivileges): string[] {
  const { openFiles, pids } = spec.limits;
  const args: string[] = [];
  if (openFiles !== undefined) args.push(`--nofile=${Math.min(openFiles, host.openFilesMax)}`);
  // RLIMIT_NPROC counts all processes of the user (getrlimit(2)): exact with a user per app, shared without.
  if (pids !== undefined) args.push(`--nproc=${Math.min(pids, host.processesMax)}`);
  return args.length === 0 ? [] : ['/usr/bin/prlimit', ...args];
}

function setprivArgs(spec: InstanceSpec, host: HostPrivileges): string[] {
  const args = ['/usr/bin/setpriv'];
  if (spec.runAs !== null && host.maySwitchUser) {
    args.push(`--reuid=${spec.runAs.uid}`, `--regid=${spec.runAs.gid}`, '--clear-groups');
  }
  args.push('--ambient-caps=-all', '--inh-caps=-all');
  // Without it a root daemon's app as root would get everything back at execve(2) (capabilities(7), "root").
  if (host.mayDropBoundingSet) args.push('--bounding-set=-all');
  args.push('--no-new-privs', '--');
  return args;
}

/** The environment of the app: what the spec lists, PORT and HOST; nothing else. */
function instanceEnvironment(spec: InstanceSpec): Readonly<Record<string, string>> {
  const port = spec.readiness.kind === 'http' ? spec.readiness.port : 0;
  return { ...spec.environment, PORT: String(port), HOST: '127.0.0.1' };
}

export function launchCommand(spec: InstanceSpec, host: HostPrivileges): LaunchCommand {
  const safe: Record<string, string> = {};
  const later: string[] = [];
  for (const [name, value] of Object.entries(instanceEnvironment(spec))) {
    if (isUnsafeForPrivileged(name)) later.push(`${name}=${value}`);
    else safe[name] = value;
  }
  const app = later.length === 0 ? [...spec.argv] : ['/usr/bin/env', '--', ...later, ...spec.argv];
  const [file, ...args] = [...prlimitArgs(spec, host), ...setprivArgs(spec, host), ...app];
  if (file === undefined) throw new Error('assertion failed: a launch command is never empty');
  return { file, args, environment: safe };
}

/** Why these cannot be started at all, or null. Checked before anything is made. */
export function launchRefusal(spec: InstanceSpec, host: HostPrivileges): string | null {
  if (spec.runAs !== null && (spec.runAs.uid === 0 || spec.runAs.gid === 0))
    return 'an instance never runs as root (uid 0 or gid 0)';
  if (spec.runAs !== null && !host.maySwitchUser && spec.runAs.uid !== host.uid) {
    return `the daemon runs as uid ${host.uid} and cannot start an instance as uid ${spec.runAs.uid}`;
  }
  if (spec.argv[0] === '' || spec.argv[0].includes('='))
    return `the program name ${JSON.stringify(spec.argv[0])} cannot be executed`;
  const hostile = [...spec.argv, spec.cwd, ...Object.entries(spec.environment).flat()].some((text) =>
    text.includes('\0'),
  );
  return hostile ? 'an argument, a variable or the directory contains a NUL byte' : null;
}
