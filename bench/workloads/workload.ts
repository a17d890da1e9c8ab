// What is measured: one kind of traffic, run against one peer for a time. Knows no peer by name.
import { runH2load, runWrk, type LoadCount } from '../measure/load-tools.ts';

export interface WorkloadInput {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly hosts: readonly string[];
  readonly seconds: number;
  readonly dir: string;
}

export interface Workload {
  readonly id: string;
  readonly title: string;
  /** What one operation is, and into how many units of the table it divides (a download of 1 MiB into 1/1024 GiB). */
  readonly unit: string;
  readonly operationsPerUnit: number;
  readonly needs: 'http1' | 'http2' | 'manyHosts' | 'webSockets';
  readonly run: (input: WorkloadInput) => Promise<LoadCount>;
}

const perRequest = { unit: 'request', operationsPerUnit: 1 } as const;
const mebibytesPerGibibyte = 1024;
const uploadMebibytes = 64;

const first = (hosts: readonly string[]): string => hosts[0] ?? 'localhost';

export const keepAlive: Workload = {
  id: 'http1',
  title: 'HTTP/1.1 keep-alive, small replies',
  ...perRequest,
  needs: 'http1',
  run: ({ httpPort, hosts, seconds }) =>
    runWrk({ url: `http://127.0.0.1:${httpPort}/hello`, host: first(hosts), connections: 64, seconds }),
};

export const tlsKeepAlive: Workload = {
  id: 'tls',
  title: 'HTTP/1.1 over TLS keep-alive, small replies',
  ...perRequest,
  needs: 'http1',
  run: ({ httpsPort, hosts, seconds }) =>
    runWrk({ url: `https://127.0.0.1:${httpsPort}/hello`, host: first(hosts), connections: 64, seconds }),
};

export const tlsNewConnections: Workload = {
  id: 'tls-new',
  title: 'TLS, a new connection for each request',
  ...perRequest,
  needs: 'http1',
  run: ({ httpsPort, hosts, seconds }) =>
    runWrk({
      url: `https://127.0.0.1:${httpsPort}/hello`,
      host: first(hosts),
      connections: 32,
      seconds,
      headers: ['Connection: close'],
    }),
};

export const http2: Workload = {
  id: 'http2',
  title: 'HTTP/2 over TLS, 8 streams on each of 16 connections',
  ...perRequest,
  needs: 'http2',
  run: ({ httpsPort, hosts, seconds }) =>
    runH2load({ url: `https://127.0.0.1:${httpsPort}/hello`, host: first(hosts), connections: 16, seconds }),
};

export const download: Workload = {
  id: 'download',
  title: 'Download of 1 MiB',
  unit: 'GiB',
  operationsPerUnit: mebibytesPerGibibyte,
  needs: 'http1',
  run: ({ httpPort, hosts, seconds }) =>
    runWrk({ url: `http://127.0.0.1:${httpPort}/1m`, host: first(hosts), connections: 16, seconds }),
};

export const upload: Workload = {
  id: 'upload',
  title: 'Upload of 64 MiB',
  unit: 'GiB',
  operationsPerUnit: mebibytesPerGibibyte / uploadMebibytes,
  needs: 'http1',
  run: ({ httpPort, hosts, seconds, dir }) =>
    runWrk({
      url: `http://127.0.0.1:${httpPort}/node`,
      host: first(hosts),
      connections: 2,
      seconds: seconds * 2,
      script: `${dir}/upload.lua`,
    }),
};

export const manyRoutes: Workload = {
  id: 'routes',
  title: 'HTTP/1.1 keep-alive over 10,000 hosts',
  ...perRequest,
  needs: 'manyHosts',
  run: ({ httpPort, hosts, seconds, dir }) =>
    runWrk({
      url: `http://127.0.0.1:${httpPort}/hello`,
      host: first(hosts),
      connections: 64,
      seconds,
      script: `${dir}/hosts.lua`,
    }),
};

/** wrk's scripts; written beside the run. */
export const scripts: Readonly<Record<string, string>> = {
  'upload.lua': `wrk.method = "POST"\nwrk.body = string.rep("x", ${uploadMebibytes} * 1024 * 1024)\n`,
  'hosts.lua': `local fields = wrk.headers
request = function()
  fields["Host"] = "h" .. math.random(0, 9999) .. ".example.com"
  return wrk.format("GET", "/hello", fields)
end
`,
};
