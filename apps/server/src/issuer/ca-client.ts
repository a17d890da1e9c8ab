// acme-client as one CA is spoken to: own trust, deadlines and limits, errors as facts, no hidden retries. Its axios is
// global to the thread, so a thread speaks to one CA.
import { Agent } from 'node:https';
import { rootCertificates } from 'node:tls';
import { Client, axios } from 'acme-client';
import { z } from 'zod';
import { issuerLimits } from './limits.ts';
import { AcmeProblem, problemType } from './order-problem.ts';
import { parseRetryAfter } from './retry-after.ts';
import type { OrderTask } from './order-thread.types.ts';

const challengeSchema = z.object({
  type: z.string(),
  url: z.url(),
  status: z.string(),
  token: z
    .string()
    .regex(/^[A-Za-z0-9_-]{16,512}$/)
    .optional(),
  error: z.unknown().optional(),
});
const authorizationSchema = z.object({
  url: z.url(),
  status: z.enum(['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked']),
  identifier: z.object({ type: z.string(), value: z.string().toLowerCase() }),
  wildcard: z.boolean().optional(),
  challenges: z.array(challengeSchema),
});
const orderSchema = z.object({
  url: z.url(),
  status: z.enum(['pending', 'ready', 'processing', 'valid', 'invalid']),
  authorizations: z.array(z.url()),
  finalize: z.url(),
  certificate: z.url().optional(),
  error: z.unknown().optional(),
});

export type CaAuthorization = z.infer<typeof authorizationSchema>;
export type CaChallenge = z.infer<typeof challengeSchema>;
export type CaOrder = z.infer<typeof orderSchema>;

export interface CaClient {
  /** Its URL. Registers it, or finds it by its key. */
  account(email: string): Promise<string>;
  updateEmail(email: string): Promise<void>;
  createOrder(names: readonly string[], replaces: string | null): Promise<CaOrder>;
  order(url: string): Promise<CaOrder>;
  authorization(url: string): Promise<CaAuthorization>;
  keyAuthorization(token: string): Promise<string>;
  /** Tells the CA that it may look. */
  respond(challenge: CaChallenge): Promise<void>;
  finalize(order: CaOrder, csr: Buffer): Promise<CaOrder>;
  /** PEM, leaf first. */
  certificate(order: CaOrder): Promise<string>;
  /** What the last answer asked to wait. */
  readonly retryAfterMs: number | null;
}

function prepareAxios(task: OrderTask, heard: { retryAfterMs: number | null }): void {
  const { defaults, interceptors } = axios;
  defaults.timeout = task.requestTimeoutMs;
  defaults.maxContentLength = issuerLimits.responseBytesMax;
  defaults.maxRedirects = 0;
  defaults.headers.common['User-Agent'] = task.userAgent;
  // acme-client's own retries are not ours to have (the upkeep has a table), and where there is no answer at all they end
  // in a TypeError that hides why. A nonce that was refused is retried elsewhere in it.
  interceptors.request.clear();
  interceptors.response.clear();
  if (task.extraRoots !== null) {
    defaults.httpsAgent = new Agent({ ca: [...rootCertificates, task.extraRoots] });
  }
  // acme-client asks for every answer to come through; what it makes of an error would lose its type and Retry-After.
  interceptors.response.use((response) => {
    heard.retryAfterMs = parseRetryAfter(String(response.headers['retry-after'] ?? ''), Date.now());
    if (response.status >= 400 && problemType(response.data) !== 'badNonce') throw new AcmeProblem(response);
    return response;
  });
}

const contactOf = (email: string): string[] => (email === '' ? [] : [`mailto:${email}`]);

export function createCaClient(task: OrderTask): CaClient {
  const heard = { retryAfterMs: null as number | null };
  prepareAxios(task, heard);
  const { externalAccount } = task;
  const client = new Client({
    directoryUrl: task.directory,
    accountKey: task.accountKey,
    ...(task.accountUrl === null ? {} : { accountUrl: task.accountUrl }),
    ...(externalAccount === null
      ? {}
      : { externalAccountBinding: { kid: externalAccount.keyId, hmacKey: externalAccount.hmacKey } }),
  });
  // What acme-client reads of an order is its URLs; the rest of its type is not needed to ask for one.
  const asOrder = (order: Pick<CaOrder, 'url'> & Partial<CaOrder>) => ({
    status: 'pending' as const,
    identifiers: [],
    authorizations: [],
    finalize: '',
    ...(order.finalize === undefined ? {} : { finalize: order.finalize }),
    ...(order.status === undefined ? {} : { status: order.status }),
    ...(order.authorizations === undefined ? {} : { authorizations: order.authorizations }),
    ...(order.certificate === undefined ? {} : { certificate: order.certificate }),
    url: order.url,
  });
  return {
    account: async (email) => {
      await client.createAccount({ termsOfServiceAgreed: true, contact: contactOf(email) });
      return client.getAccountUrl();
    },
    updateEmail: async (email) => {
      await client.updateAccount({ contact: contactOf(email) });
    },
    createOrder: async (names, replaces) => {
      const order = {
        identifiers: names.map((value) => ({ type: 'dns', value })),
        ...(replaces === null ? {} : { replaces }),
      };
      return orderSchema.parse(await client.createOrder(order));
    },
    order: async (url) => orderSchema.parse(await client.getOrder(asOrder({ url }))),
    authorization: async (url) => {
      const [authorization] = await client.getAuthorizations(asOrder({ url, authorizations: [url] }));
      return authorizationSchema.parse(authorization);
    },
    // Asked for as `http-01` it is the plain key authorisation (RFC 8555 §8.1), which the other kinds derive theirs from.
    keyAuthorization: (token) =>
      client.getChallengeKeyAuthorization({ type: 'http-01', token, url: '', status: 'pending' }),
    respond: async ({ url }) => {
      await client.completeChallenge({ type: 'http-01', token: '', url, status: 'pending' });
    },
    finalize: async (order, csr) => orderSchema.parse(await client.finalizeOrder(asOrder(order), csr)),
    certificate: (order) => client.getCertificate(asOrder(order)),
    get retryAfterMs() {
      return heard.retryAfterMs;
    },
  };
}
