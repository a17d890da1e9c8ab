// The command: `node e2e/load/main.ts --url https://load.example.com:8443 --keep-alive 32 --seconds 10 --json`.
// Ends after --requests, after --seconds or on SIGINT, whichever is first; exit code 1 when anything failed.
import { parseArgs } from 'node:util';
import { startLoad } from './load-generator.ts';
import { reportText } from './report-text.ts';

const number = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    address: { type: 'string', default: '127.0.0.1' },
    fresh: number,
    'keep-alive': number,
    http2: number,
    uploads: number,
    downloads: number,
    'web-sockets': number,
    'event-streams': number,
    requests: number,
    seconds: number,
    'small-bytes': number,
    'think-ms': number,
    'upload-bytes': number,
    'upload-rate': number,
    'download-bytes': number,
    'download-rate': number,
    path: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
  },
});

const numberOf = (name: Exclude<keyof typeof values, 'path' | 'json'>): number | undefined => {
  const value = values[name];
  if (value === undefined) return undefined;
  const parsed = Number(value);
  if (!Number.isSafeInteger(parsed) || parsed < 0) throw new RangeError(`--${name} ${value} is no number`);
  return parsed;
};

/** Leaves out what was not given, so that the generator's defaults hold. */
const given = <T extends Record<string, unknown>>(
  options: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

if (values.url === undefined) {
  console.error(
    'usage: main.ts --url URL [--fresh N] [--keep-alive N] [--http2 N] [--uploads N] [--downloads N] [--web-sockets N] [--event-streams N] [--requests N | --seconds N] [--path PATH…] [--json]',
  );
  process.exit(2);
}

const load = startLoad({
  url: values.url,
  address: values.address,
  clients: given({
    fresh: numberOf('fresh'),
    keepAlive: numberOf('keep-alive'),
    http2: numberOf('http2'),
    upload: numberOf('uploads'),
    download: numberOf('downloads'),
    webSocket: numberOf('web-sockets'),
    eventStream: numberOf('event-streams'),
  }),
  ...given({
    requests: numberOf('requests'),
    smallBytes: numberOf('small-bytes'),
    thinkMs: numberOf('think-ms'),
    uploadBytes: numberOf('upload-bytes'),
    uploadBytesPerSecond: numberOf('upload-rate'),
    downloadBytes: numberOf('download-bytes'),
    downloadBytesPerSecond: numberOf('download-rate'),
    paths: values.path,
  }),
});

const seconds = numberOf('seconds');
const timer = seconds === undefined ? undefined : setTimeout(() => void load.stop(), seconds * 1000);
process.once('SIGINT', () => void load.stop());
process.once('SIGTERM', () => void load.stop());
const report = await load.finished;
clearTimeout(timer);
process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : reportText(report));
process.exitCode = report.failed === 0 ? 0 : 1;
