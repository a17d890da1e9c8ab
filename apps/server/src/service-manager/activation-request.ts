// Which descriptors the environment and the command line say that we were given, and under what name: LISTEN_FDS of
// systemd (sd_listen_fds(3)), LISTEN_FD of catflap, --listen-fd of anybody. Pure; looks at no descriptor.
import { TakoError } from '@tako/config';
import type { Environment } from '../process-environment.ts';
import { inheritedDescriptorsMax } from './limits.ts';

export const inheritedKinds = ['http', 'https', 'management', 'metrics'] as const;
export type InheritedKind = (typeof inheritedKinds)[number];

export interface RequestedDescriptor {
  readonly fd: number;
  /** What its giver calls it; null when it has no name. */
  readonly name: string | null;
  readonly origin: 'LISTEN_FDS' | 'LISTEN_FD' | '--listen-fd' | 'stdin';
}

/** sd_listen_fds(3): descriptors start here (SD_LISTEN_FDS_START). */
const firstDescriptor = 3;

/** Ours alone: no child may take them for its own. LISTEN_PIDFDID: systemd 259 and later. */
export const serviceManagerVariables = [
  'LISTEN_FDS',
  'LISTEN_PID',
  'LISTEN_PIDFDID',
  'LISTEN_FDNAMES',
  'LISTEN_FD',
  'NOTIFY_SOCKET',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
] as const;

export function isInheritedKind(text: string): text is InheritedKind {
  return inheritedKinds.some((kind) => kind === text);
}

function invalid(variable: string, found: string, wanted: string): TakoError {
  return new TakoError(
    'INHERITED_SOCKET_INVALID',
    `${variable} is ${JSON.stringify(found)}, which is not ${wanted}`,
    {
      hint: `start tako-server without ${variable} to let it bind its own ports`,
      details: { variable, found },
    },
  );
}

function parseCount(variable: string, text: string, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= max)) throw invalid(variable, text, `a number from 0 to ${max}`);
  return value;
}

/** systemd names them in the order of the descriptors; a name that is empty or `unknown` says nothing. */
function parseNames(text: string | undefined, count: number): (string | null)[] {
  const names = text === undefined ? [] : text.split(':');
  if (text !== undefined && names.length !== count) {
    throw invalid('LISTEN_FDNAMES', text, `a list of ${count} names, one for each of LISTEN_FDS`);
  }
  return Array.from({ length: count }, (_, index) => {
    const name = names[index] ?? '';
    return name === '' || name === 'unknown' ? null : name;
  });
}

/** Descriptors of systemd. Those meant for another process (LISTEN_PID) are not ours: none. */
function fromSystemd(environment: Environment, pid: number): RequestedDescriptor[] {
  const { LISTEN_FDS: count, LISTEN_PID: owner, LISTEN_FDNAMES: names } = environment;
  if (count === undefined) return [];
  if (owner !== undefined && parseCount('LISTEN_PID', owner, 2 ** 31) !== pid) return [];
  const total = parseCount('LISTEN_FDS', count, inheritedDescriptorsMax);
  return parseNames(names, total).map((name, index) => ({
    fd: firstDescriptor + index,
    name,
    origin: 'LISTEN_FDS',
  }));
}

function fromCatflap(environment: Environment): RequestedDescriptor[] {
  const { LISTEN_FD: text } = environment;
  if (text === undefined) return [];
  return [{ fd: parseCount('LISTEN_FD', text, 2 ** 20), name: null, origin: 'LISTEN_FD' }];
}

/** `http=3,https=4`, also with one kind twice. Throws OPTION_INVALID. */
export function parseListenFd(text: string, option: string): readonly RequestedDescriptor[] {
  return text.split(',').map((part) => {
    const [, name = '', fd = ''] = /^([a-z]+)=(\d{1,7})$/.exec(part.trim()) ?? [];
    if (isInheritedKind(name)) return { fd: Number(fd), name, origin: '--listen-fd' };
    throw new TakoError(
      'OPTION_INVALID',
      `${option} is ${JSON.stringify(text)}, allowed: KIND=FD[,KIND=FD…]`,
      {
        hint: `KIND is one of ${inheritedKinds.join(', ')}, FD the number of an open descriptor: http=3,https=4`,
        details: { option, found: text },
      },
    );
  });
}

/** Each descriptor once: what the command line says about it goes before what the environment says. */
export function requestedDescriptors(
  environment: Environment,
  options: { readonly pid: number; readonly listenFd: readonly RequestedDescriptor[] },
): RequestedDescriptor[] {
  const byFd = new Map<number, RequestedDescriptor>();
  for (const requested of [
    ...options.listenFd,
    ...fromSystemd(environment, options.pid),
    ...fromCatflap(environment),
  ]) {
    const known = byFd.get(requested.fd);
    if (known !== undefined && known.origin === requested.origin) {
      throw new TakoError('INHERITED_SOCKET_INVALID', `descriptor ${requested.fd} is named twice`, {
        hint: 'give every listening socket a descriptor of its own',
        details: { fd: requested.fd },
      });
    }
    if (known === undefined) byFd.set(requested.fd, requested);
  }
  return [...byFd.values()];
}
