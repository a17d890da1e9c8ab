// The command line by which a program runs as another user, without capabilities and without a way back. Pure.
import { TakoError } from '@tako/config';
import type { RunAs } from '@tako/supervisor';

export interface Launch {
  readonly argv: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
}

/** Variables by which the C library would load or read files while setpriv(1) still has privileges (ld.so(8)). */
const unsafeName =
  /^(?:LD_|MALLOC_|GLIBC_)|^(?:GCONV_PATH|GETCONF_DIR|HOSTALIASES|LOCALDOMAIN|LOCPATH|NIS_PATH|NLSPATH|RESOLV_HOST_CONF|RES_OPTIONS|TZDIR)$/;

/** Throws APP_USER_INVALID for uid or gid 0, and for a root daemon without another user: nothing of an app runs as root. */
export function launchAsUser(launch: Launch, runAs: RunAs | null, daemonUid: number): Launch {
  if (runAs === null && daemonUid === 0) {
    throw new TakoError('APP_USER_INVALID', 'The server runs as root and has no other user to run this as.', {
      hint: 'Run tako-server as its own user, or let it switch users (CAP_SETUID, CAP_SETGID).',
    });
  }
  if (runAs !== null && (runAs.uid === 0 || runAs.gid === 0)) {
    throw new TakoError(
      'APP_USER_INVALID',
      `Programs of an app never run as uid ${runAs.uid}, gid ${runAs.gid}.`,
      { hint: 'Give the app a user of its own.' },
    );
  }
  const entries = Object.entries(launch.environment);
  const later = entries.filter(([name]) => unsafeName.test(name)).map(([name, value]) => `${name}=${value}`);
  const safe = Object.fromEntries(entries.filter(([name]) => !unsafeName.test(name)));
  const user = runAs === null ? [] : [`--reuid=${runAs.uid}`, `--regid=${runAs.gid}`, '--clear-groups'];
  const dropped = ['--ambient-caps=-all', '--inh-caps=-all', '--no-new-privs', '--'];
  const program = later.length === 0 ? launch.argv : ['/usr/bin/env', '--', ...later, ...launch.argv];
  return { argv: ['/usr/bin/setpriv', ...user, ...dropped, ...program], environment: safe };
}
