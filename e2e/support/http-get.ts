// One request on a connection of its own to a server on loopback, by name; HTTP without TLS.
import http from 'node:http';

export interface Answer {
  readonly status: number;
  readonly version: string | null;
  readonly body: string;
  readonly headers: http.IncomingHttpHeaders;
}

export interface Ask {
  readonly port: number;
  readonly host: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** The client's address, of 127.0.0.0/8: limits hold for each. */
  readonly from?: string;
}

/** Rejects with the socket's error, and at the deadline. */
export async function ask(of: Ask): Promise<Answer> {
  const { port, host, path = '/', method = 'GET', timeoutMs = 40_000 } = of;
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const signal = AbortSignal.timeout(timeoutMs);
  const address = { host: '127.0.0.1', port, ...(of.from === undefined ? {} : { localAddress: of.from }) };
  const options = { ...address, path, method, headers: { host, ...of.headers }, agent: false, signal };
  const request = http.request(options, (response) => {
    let body = '';
    response.setEncoding('utf8').on('data', (text: string) => (body += text));
    response.on('error', reject);
    response.on('end', () => {
      const version = response.headers['x-app-version'];
      resolve({
        status: response.statusCode ?? 0,
        version: typeof version === 'string' ? version : null,
        body,
        headers: response.headers,
      });
    });
  });
  request.on('error', reject);
  request.end();
  return promise;
}

/** The answer's JSON; anything but 200 rejects. */
export async function askJson<T>(of: Ask): Promise<T> {
  const { status, body } = await ask(of);
  if (status !== 200) throw new Error(`${of.host}${of.path ?? '/'} answered ${status}: ${body}`);
  return JSON.parse(body) as T;
}
