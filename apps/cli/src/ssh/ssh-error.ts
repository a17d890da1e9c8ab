// Turns ssh's own words into one of Tako's errors: who has to do what next (spec 20). Pure.
import { TakoError } from '@tako/config';
import { describeAddress, type ServerAddress } from './server-address.ts';

interface Rule {
  readonly pattern: RegExp;
  readonly code: string;
  readonly says: string;
  readonly hint: (address: Extract<ServerAddress, { kind: 'ssh' }>) => string;
}

const login = (address: Extract<ServerAddress, { kind: 'ssh' }>): string =>
  `ssh ${address.port === 22 ? '' : `-p ${address.port} `}${address.keyFile === null ? '' : `-i ${address.keyFile} `}${address.user}@${address.host}`;

/** First match wins, so the more telling words come first: a changed key also "fails verification". */
const rules: readonly Rule[] = [
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed/i,
    code: 'SSH_HOST_KEY_CHANGED',
    says: 'shows another host key than the one that is known',
    hint: (address) =>
      `Somebody may be in between. If the server was really set up anew, forget the old key: ssh-keygen -R ${knownHostsName(address)}, then connect once: ${login(address)}`,
  },
  {
    pattern: /Host key verification failed|No .*host key is known|no matching host key/i,
    code: 'SSH_HOST_KEY_UNKNOWN',
    says: 'has a host key that is not known on this machine',
    hint: (address) =>
      `Connect once and compare the fingerprint: ${login(address)} (in CI: add the key to known_hosts, from ssh-keyscan on a machine you trust)`,
  },
  {
    pattern:
      /Permission denied|Too many authentication failures|no more authentication methods|sign_and_send_pubkey/i,
    code: 'SSH_AUTH_FAILED',
    says: 'refused every key that ssh offered',
    hint: (address) =>
      `Check that this works: ${login(address)} (is your key in the agent, and in authorized_keys of "${address.user}" there?)`,
  },
  {
    pattern:
      /administratively prohibited|open failed|forwarding (?:request )?(?:failed|disabled)|cannot listen to|Could not request local forwarding/i,
    code: 'SSH_FORWARD_FAILED',
    says: 'could be reached, but the management socket could not be forwarded',
    hint: (address) =>
      `Is tako-server running there, is ${address.socketPath} its socket, is "${address.user}" in the group "tako", and does sshd allow AllowStreamLocalForwarding?`,
  },
  {
    pattern: /Could not resolve hostname/i,
    code: 'SSH_UNREACHABLE',
    says: 'has a host name that does not resolve',
    hint: () => 'Check the host in "tako servers ls" and the name in DNS or ~/.ssh/config.',
  },
  {
    pattern:
      /Connection refused|timed out|No route to host|Network is unreachable|Connection closed|Connection reset|kex_exchange_identification/i,
    code: 'SSH_UNREACHABLE',
    says: 'could not be reached by ssh',
    hint: (address) => `Check host, port and firewall, and that this works: ${login(address)}`,
  },
];

const knownHostsName = (address: Extract<ServerAddress, { kind: 'ssh' }>): string =>
  address.port === 22 ? address.host : `"[${address.host}]:${address.port}"`;

/** `otherwise`: the code when ssh said nothing that is known. ssh's own words are always part of the message. */
export function createSshError(
  address: Extract<ServerAddress, { kind: 'ssh' }>,
  stderr: string,
  otherwise: 'SSH_UNREACHABLE' | 'SSH_CONNECTION_LOST' = 'SSH_UNREACHABLE',
): TakoError {
  const words = sshWords(stderr);
  const rule = rules.find(({ pattern }) => pattern.test(stderr));
  const says =
    rule?.says ??
    (otherwise === 'SSH_CONNECTION_LOST' ? 'lost its SSH connection' : 'could not be reached by ssh');
  const quoted = words === '' ? '' : `; ssh said: ${words}`;
  return new TakoError(
    rule?.code ?? otherwise,
    `the server ${address.name} (${describeAddress(address)}) ${says}${quoted}`,
    {
      hint: rule?.hint(address) ?? `Check that this works: ${login(address)}`,
      details: { server: address.name },
    },
  );
}

/** True for what ssh prints when a channel to the remote socket was refused while the connection itself lives. */
export function isForwardRefusal(stderr: string): boolean {
  return /channel \d+: open failed|administratively prohibited/.test(stderr);
}

/** Without banners' frames and repetitions; at most a few lines. */
function sshWords(stderr: string): string {
  const lines = stderr
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter(
      (line) => line !== '' && !/^[@*#=-]+$/.test(line) && !line.startsWith('Warning: Permanently added'),
    );
  return [...new Set(lines)].slice(-6).join(' | ').slice(0, 1000);
}
