// Stands in front of pebble and does to its answers what CAs do on bad days; adds renewal information, which Debian's
// pebble does not have. For tests only.
import { createServer, request } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestAuthority } from '../../testing/certificate-authority.ts';

/** What is answered instead of passing the request on; null passes it on. */
export type Fault = (call: {
  method: string;
  path: string;
  body: string;
}) => FaultAnswer | 'hang' | 'cut' | null;

export interface FaultAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Instead of a body that is JSON. */
  readonly text?: string;
}

export interface FaultyCa extends AsyncDisposable {
  readonly directory: string;
  readonly caPem: string;
  fault: Fault;
  /** Kinds of challenges that it does not offer. */
  withheld: readonly string[];
  /** The directory names it; answers come from `fault`. */
  hasRenewalInfo: boolean;
  /** `POST /order-plz`… that came, also those that were not passed on. */
  readonly calls: string[];
  /** JWS payloads, decoded, by path. */
  readonly payloads: { readonly path: string; readonly payload: unknown }[];
}

function bodyOf(message: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    message.setEncoding('utf8');
    message.on('data', (chunk: string) => (text += chunk));
    message.on('end', () => resolve(text));
  });
}

function payloadOf(body: string): unknown {
  try {
    const { payload } = JSON.parse(body) as { payload: string };
    return payload === '' ? null : JSON.parse(Buffer.from(payload, 'base64url').toString());
  } catch {
    // A GET has none.
    return undefined;
  }
}

function withhold(text: string, kinds: readonly string[]): string {
  if (kinds.length === 0 || !text.includes('"challenges"')) return text;
  const authorization = JSON.parse(text) as { challenges: { type: string }[] };
  const challenges = authorization.challenges.filter(({ type }) => !kinds.includes(type));
  return JSON.stringify({ ...authorization, challenges });
}

export async function startFaultyCa(target: { port: number; authority: TestAuthority }): Promise<FaultyCa> {
  const now = Date.now();
  const { authority } = target;
  const { leaf, privateKey } = await authority.issue({
    names: ['localhost'],
    notBefore: now - 3_600_000,
    notAfter: now + 30 * 86_400_000,
  });
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(incoming);
    const path = incoming.url ?? '';
    const method = incoming.method ?? '';
    ca.calls.push(`${method} ${path}`);
    const payload = payloadOf(body);
    if (payload !== undefined) ca.payloads.push({ path, payload });
    const fault = ca.fault({ method, path, body });
    if (fault === 'hang') return;
    if (fault === 'cut') {
      incoming.socket.destroy();
      return;
    }
    if (fault !== null) {
      const problem = fault.status >= 400 ? 'application/problem+json' : 'application/json';
      response.writeHead(fault.status, { 'content-type': problem, ...fault.headers });
      response.end(fault.text ?? JSON.stringify(fault.body ?? {}));
      return;
    }
    const call = request(
      {
        host: '127.0.0.1',
        servername: 'localhost',
        port: target.port,
        path,
        method,
        headers: { ...incoming.headers, host: incoming.headers.host },
        ca: authority.root,
        agent: false,
      },
      (answer) => {
        void bodyOf(answer).then((text) => {
          const headers = { ...answer.headers };
          delete headers['content-length'];
          delete headers['transfer-encoding'];
          let out = withhold(text, ca.withheld);
          if (path === '/dir' && ca.hasRenewalInfo)
            out = JSON.stringify({ ...JSON.parse(text), renewalInfo: `${origin()}/renewal-info` });
          response.writeHead(answer.statusCode ?? 500, headers);
          response.end(out);
        });
      },
    );
    call.on('error', () => response.destroy());
    call.end(body);
  };
  const server = createServer(
    { cert: leaf + authority.intermediate, key: privateKey },
    (incoming, response) => {
      void handle(incoming, response);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = (): string => `https://localhost:${(server.address() as AddressInfo).port}`;
  const ca: FaultyCa = {
    directory: `${origin()}/dir`,
    caPem: authority.root,
    fault: () => null,
    withheld: [],
    hasRenewalInfo: false,
    calls: [],
    payloads: [],
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return ca;
}
