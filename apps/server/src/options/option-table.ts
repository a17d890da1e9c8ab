// Every option of tako-server once: its flag, its key in server.toml, its environment variable, its default,
// and which reader its text has. Later rooms of the house (handoff, ACME, PROXY protocol) add their rows here.
import type { ProxyProtocolMode } from '@tako/proxy';
import type { AcmeMode } from '../issuer/index.ts';
import type { LogLevel } from '../log.ts';
import { parseListenFd } from '../service-manager/activation-request.ts';
import type { RequestedDescriptor } from '../service-manager/activation-request.ts';
import {
  absolutePath,
  accessLog,
  address,
  anyText,
  boolean,
  duration,
  integer,
  metricsListen,
  oneOf,
  trustedPeer,
  unixPlace,
  workers,
} from './option-values.ts';
import type { MetricsAddress } from './option-values.ts';

export interface ServerOptions {
  readonly socket: string;
  readonly dataDir: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly bind: readonly string[];
  /** Paths, or `@name` for abstract ones. */
  readonly listenUnix: readonly string[];
  readonly listenFd: readonly RequestedDescriptor[];
  readonly workers: number | 'auto';
  readonly maxConnections: number;
  readonly drainTimeoutMs: number;
  readonly trustedProxy: readonly string[];
  readonly proxyProtocol: ProxyProtocolMode;
  readonly lanes: 'all' | 'general';
  readonly h2c: boolean;
  readonly reusePort: boolean;
  readonly instancePortBase: number;
  readonly instancePortOffset: number;
  readonly acme: AcmeMode;
  readonly acmeDirectory: readonly string[];
  readonly acmeEmail: string;
  readonly acmeCaFile: string;
  readonly acmeEabFile: string;
  readonly acmeCheck: boolean;
  readonly dnsProvider: string;
  readonly dnsCredentials: string;
  readonly renewalIntervalMs: number;
  /** null: off. */
  readonly metricsListen: MetricsAddress | null;
  readonly accessLog: string;
  readonly logLevel: LogLevel;
  readonly standby: boolean;
  readonly standbyIntervalMs: number;
}

export interface OptionRow<K extends keyof ServerOptions> {
  readonly key: K;
  /** Without the dashes; also the key in server.toml with `_` for `-`, and TAKO_SERVER_* in upper case. */
  readonly flag: string;
  readonly value: string;
  readonly help: string;
  readonly multiple?: true;
  readonly boolean?: true;
  readonly default: ServerOptions[K];
  readonly parse: (text: string, name: string) => unknown;
}

function row<K extends keyof ServerOptions>(value: OptionRow<K>): OptionRow<K> {
  return value;
}

export const optionTable = [
  row({
    key: 'socket',
    flag: 'socket',
    value: 'PATH',
    help: 'management socket (its folder is the run directory)',
    default: '/var/run/tako/tako.sock',
    parse: absolutePath,
  }),
  row({
    key: 'dataDir',
    flag: 'data-dir',
    value: 'PATH',
    help: 'state, releases, artifacts, logs',
    default: '/opt/tako',
    parse: absolutePath,
  }),
  row({
    key: 'httpPort',
    flag: 'http-port',
    value: 'N',
    help: 'plain HTTP; 0 takes a free port',
    default: 80,
    parse: integer(0, 65_535),
  }),
  row({
    key: 'httpsPort',
    flag: 'https-port',
    value: 'N',
    help: 'HTTPS; 0 takes a free port',
    default: 443,
    parse: integer(0, 65_535),
  }),
  row({
    key: 'bind',
    flag: 'bind',
    value: 'ADDR',
    help: 'address to listen on (may be repeated)',
    multiple: true,
    default: ['0.0.0.0', '::'],
    parse: address,
  }),
  row({
    key: 'listenUnix',
    flag: 'listen-unix',
    value: 'PATH|@NAME',
    help: 'plain HTTP on a Unix socket, too, mode 0666 (may be repeated)',
    multiple: true,
    default: [],
    parse: unixPlace,
  }),
  row({
    key: 'listenFd',
    flag: 'listen-fd',
    value: 'KIND=FD,…',
    help: 'listening sockets that whoever starts the server holds open: http=3,https=4',
    default: [],
    parse: parseListenFd,
  }),
  row({
    key: 'workers',
    flag: 'workers',
    value: 'auto|N',
    help: 'proxy workers; 0 serves inside the control process',
    default: 'auto',
    parse: workers,
  }),
  row({
    key: 'maxConnections',
    flag: 'max-connections',
    value: 'N',
    help: 'client connections at once, over all workers',
    default: 50_000,
    parse: integer(1, 1_000_000),
  }),
  row({
    key: 'drainTimeoutMs',
    flag: 'drain-timeout',
    value: 'DURATION',
    help: 'in-flight requests get so long at a stop',
    default: 30_000,
    parse: duration,
  }),
  row({
    key: 'trustedProxy',
    flag: 'trusted-proxy',
    value: 'CIDR',
    help: 'peers whose X-Forwarded-* and PROXY headers are believed (may be repeated)',
    multiple: true,
    default: [],
    parse: trustedPeer,
  }),
  row({
    key: 'proxyProtocol',
    flag: 'proxy-protocol',
    value: 'off|v1|v2|any',
    help: 'every connection begins with a PROXY header of a trusted proxy; any is v1 or v2',
    default: 'off',
    parse: oneOf('off', 'v1', 'v2', 'any'),
  }),
  row({
    key: 'lanes',
    flag: 'lanes',
    value: 'all|general',
    help: 'general switches the fast lane off',
    default: 'all',
    parse: oneOf('all', 'general'),
  }),
  row({
    key: 'h2c',
    flag: 'h2c',
    value: '',
    help: 'HTTP/2 with prior knowledge on the plain HTTP port',
    boolean: true,
    default: false,
    parse: boolean,
  }),
  row({
    key: 'reusePort',
    flag: 'reuse-port',
    value: '',
    help: 'SO_REUSEPORT: overlap with another server on the same ports',
    boolean: true,
    default: false,
    parse: boolean,
  }),
  row({
    key: 'instancePortBase',
    flag: 'instance-port-base',
    value: 'N',
    help: 'first port for apps without the SDK',
    default: 3000,
    parse: integer(1024, 65_000),
  }),
  row({
    key: 'instancePortOffset',
    flag: 'instance-port-offset',
    value: 'N',
    help: 'added to the base: a second server on one machine',
    default: 0,
    parse: integer(0, 60_000),
  }),
  row({
    key: 'acme',
    flag: 'acme',
    value: 'on|staging|off',
    help: 'certificates by themselves, from a certificate authority',
    default: 'on',
    parse: oneOf('on', 'staging', 'off'),
  }),
  row({
    key: 'acmeDirectory',
    flag: 'acme-directory',
    value: 'URL',
    help: 'another CA; repeated: in order of preference',
    multiple: true,
    default: [],
    parse: anyText,
  }),
  row({
    key: 'acmeEmail',
    flag: 'acme-email',
    value: 'TEXT',
    help: 'contact of the CA account',
    default: '',
    parse: anyText,
  }),
  row({
    key: 'acmeCaFile',
    flag: 'acme-ca-file',
    value: 'PATH',
    help: 'more roots to trust when talking to the CA (PEM)',
    default: '',
    parse: anyText,
  }),
  row({
    key: 'acmeEabFile',
    flag: 'acme-eab-file',
    value: 'PATH',
    help: 'external account bindings: a line per CA, URL KEY-ID HMAC-KEY',
    default: '',
    parse: anyText,
  }),
  row({
    key: 'acmeCheck',
    flag: 'acme-check',
    value: 'true|false',
    help: 'look whether a name reaches this server before asking a CA',
    default: true,
    parse: boolean,
  }),
  row({
    key: 'dnsProvider',
    flag: 'dns-provider',
    value: 'NAME',
    help: 'for wildcards: cloudflare, route53, digitalocean, rfc2136 or exec',
    default: '',
    parse: anyText,
  }),
  row({
    key: 'dnsCredentials',
    flag: 'dns-credentials',
    value: 'PATH',
    help: 'KEY=VALUE lines, mode 0600; by default <data-dir>/dns-credentials',
    default: '',
    parse: anyText,
  }),
  row({
    key: 'renewalIntervalMs',
    flag: 'renewal-interval',
    value: 'DURATION',
    help: 'how often certificates are looked at',
    default: 43_200_000,
    parse: duration,
  }),
  row({
    key: 'metricsListen',
    flag: 'metrics-listen',
    value: 'ADDR:PORT|off',
    help: 'Prometheus metrics at /metrics, for example on 127.0.0.1:9898',
    default: null,
    parse: metricsListen,
  }),
  row({
    key: 'accessLog',
    flag: 'access-log',
    value: 'off|stdout|FILE',
    help: 'one JSON line a request',
    default: 'off',
    parse: accessLog,
  }),
  row({
    key: 'logLevel',
    flag: 'log-level',
    value: 'LEVEL',
    help: 'error, warn, info or debug',
    default: 'info',
    parse: oneOf('error', 'warn', 'info', 'debug'),
  }),
  row({
    key: 'standby',
    flag: 'standby',
    value: '',
    help: 'watch the server of the same data directory and take over when it is gone',
    boolean: true,
    default: false,
    parse: boolean,
  }),
  row({
    key: 'standbyIntervalMs',
    flag: 'standby-interval',
    value: 'DURATION',
    help: 'how often a standby looks; it acts after three misses',
    default: 5_000,
    parse: duration,
  }),
] as const;
