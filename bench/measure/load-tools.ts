// wrk and h2load: run for a time, read what they counted.
import { execFile } from 'node:child_process';

export interface LoadCount {
  readonly requests: number;
  readonly failed: number;
  readonly seconds: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

export interface LoadInput {
  readonly url: string;
  readonly host: string;
  readonly connections: number;
  readonly seconds: number;
  /** wrk: extra header lines. */
  readonly headers?: readonly string[];
  /** wrk: a Lua script. */
  readonly script?: string;
}

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { maxBuffer: 10_000_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${command} failed: ${stderr}${stdout}`, { cause: error }));
    });
  });
}

const unitMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };

function readMs(text: string | undefined): number | null {
  const match = /^([\d.]+)(us|ms|s|m)$/.exec(text ?? '');
  return match === null ? null : Number(match[1]) * (unitMs[match[2] ?? ''] ?? 1);
}

/** A browser's usual fields: a bare request would flatter whoever copies heads. */
const browserHeaders = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'Accept-Language: en-US,en;q=0.5',
  'Accept-Encoding: gzip, deflate, br',
  'Cookie: session=0123456789abcdef0123456789abcdef',
];

export async function runWrk(input: LoadInput): Promise<LoadCount> {
  const { url, host, connections, seconds, headers = [], script } = input;
  const fields = [`Host: ${host}`, ...browserHeaders, ...headers].flatMap((line) => ['-H', line]);
  const scripted = script === undefined ? [] : ['-s', script];
  const text = await run('wrk', [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--latency',
    ...scripted,
    ...fields,
    url,
  ]);
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const non2xx = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  const broken =
    socketErrors === null ? 0 : socketErrors.slice(1).reduce((sum, each) => sum + Number(each), 0);
  return {
    requests: Number(/(\d+) requests in/.exec(text)?.[1] ?? 0),
    failed: non2xx + broken,
    seconds,
    p50Ms: readMs(/50%\s+(\S+)/.exec(text)?.[1]),
    p99Ms: readMs(/99%\s+(\S+)/.exec(text)?.[1]),
  };
}

function readH2load(text: string, seconds: number): LoadCount {
  const counts =
    /requests: (\d+) total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored/.exec(text);
  const done = Number(counts?.[2] ?? 0);
  return { requests: done, failed: done - Number(counts?.[3] ?? 0), seconds, p50Ms: null, p99Ms: null };
}

const fieldArguments = browserHeaders.flatMap((line) => ['-H', line]);

/** HTTP/2, several streams on each connection. */
export async function runH2load(input: LoadInput): Promise<LoadCount> {
  const { url, host, connections, seconds } = input;
  const target = new URL(url);
  const text = await run('h2load', [
    `-c${connections}`,
    '-m8',
    '-t1',
    `-D${seconds}`,
    '--warm-up-time=0',
    `--connect-to=${target.host}`,
    ...fieldArguments,
    `https://${host}${target.pathname}`,
  ]);
  return readH2load(text, seconds);
}

export interface RateInput extends LoadInput {
  readonly perSecond: number;
  /** Gets one line for each request. */
  readonly logFile: string;
}

/** HTTP/1.1 in clear, one request at a time on each connection, evenly spaced. */
export async function runH1AtRate(input: RateInput): Promise<LoadCount> {
  const { url, host, connections, seconds, perSecond, logFile } = input;
  const target = new URL(url);
  const text = await run('h2load', [
    '--h1',
    `-c${connections}`,
    '-t1',
    `-D${seconds}`,
    '--warm-up-time=0',
    `--rps=${Math.max(1, Math.round(perSecond / connections))}`,
    `--log-file=${logFile}`,
    `--connect-to=${target.host}`,
    ...fieldArguments,
    `http://${host}${target.pathname}`,
  ]);
  return readH2load(text, seconds);
}
