// The steps of one order (RFC 8555 §7.1): account, order, challenges, finalise, certificate. Says what happened instead
// of throwing where a name was refused; throws what a CA or the network did.
import { crypto as acmeCrypto } from 'acme-client';
import { pause } from '../timing.ts';
import { ariIdOf } from './ari-id.ts';
import type { CaAuthorization, CaChallenge, CaClient, CaOrder } from './ca-client.ts';
import { issuerLimits } from './limits.ts';
import { AcmeProblem, OrderInvalid, problemText, problemType } from './order-problem.ts';
import type {
  ChallengeToPresent,
  OrderPhase,
  OrderResult,
  OrderTask,
  RefusedName,
} from './order-thread.types.ts';

export interface OrderSteps {
  readonly task: OrderTask;
  readonly client: CaClient;
  readonly state: { phase: OrderPhase };
  /** Resolves when all of them may be looked at; to the names for which that could not be done. */
  readonly present: (challenges: readonly ChallengeToPresent[]) => Promise<readonly RefusedName[]>;
  readonly onAccount: (url: string) => void;
  readonly onOrder: (url: string) => void;
}

const never = new AbortController().signal;

/** Asks until `done`, ever more slowly, or as the CA says; throws at the deadline. */
async function poll<T>(
  client: CaClient,
  deadlineMs: number,
  ask: () => Promise<{ readonly done: boolean; readonly value: T }>,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (
    let delay: number = issuerLimits.pollFirstMs;
    ;
    delay = Math.min(delay * 1.5, issuerLimits.pollMaxMs)
  ) {
    const { done, value } = await ask();
    if (done) return value;
    const wait = Math.max(delay, client.retryAfterMs ?? 0);
    if (Date.now() + wait > end) throw new Error(`The CA did not decide within ${deadlineMs / 1_000} s`);
    await pause(wait, never);
  }
}

async function ensureAccount({ task, client, onAccount }: OrderSteps): Promise<void> {
  if (task.accountUrl === null) onAccount(await client.account(task.email));
  else if (task.updateEmail) {
    await client.updateEmail(task.email);
    onAccount(task.accountUrl);
  }
}

/** The order that a crash interrupted, unless the CA has given it up. */
async function resumed({ task, client }: OrderSteps): Promise<CaOrder | null> {
  if (task.orderUrl === null) return null;
  try {
    const order = await client.order(task.orderUrl);
    return order.status === 'invalid' ? null : order;
  } catch (error) {
    if (error instanceof AcmeProblem && error.status >= 400 && error.status < 500 && error.status !== 429)
      return null;
    throw error;
  }
}

async function create({ task, client }: OrderSteps): Promise<CaOrder> {
  try {
    return await client.createOrder(task.names, task.replaces);
  } catch (error) {
    // RFC 9773 §5: another order replaced it already, or the CA does not know it: then it is an order like any other.
    const aboutReplaces =
      task.replaces !== null &&
      error instanceof AcmeProblem &&
      (error.type === 'alreadyReplaced' || error.type === 'malformed' || error.type === 'unauthorized');
    if (!aboutReplaces) throw error;
    return client.createOrder(task.names, null);
  }
}

const nameOf = ({ identifier, wildcard }: CaAuthorization): string =>
  wildcard === true ? `*.${identifier.value}` : identifier.value;

function refusal(authorization: CaAuthorization): RefusedName {
  const error = authorization.challenges.find((challenge) => challenge.error !== undefined)?.error;
  const name = nameOf(authorization);
  if (error === undefined)
    return { name, message: `its authorisation is ${authorization.status}`, problem: null };
  return { name, message: problemText(error), problem: problemType(error) };
}

function choose(task: OrderTask, authorization: CaAuthorization): CaChallenge | null {
  // One that the CA is looking at already, after a crash.
  const begun = authorization.challenges.find((challenge) => challenge.status === 'processing');
  if (begun?.token !== undefined) return begun;
  for (const type of task.methods[nameOf(authorization)] ?? []) {
    const found = authorization.challenges.find((challenge) => challenge.type === type);
    if (found?.token !== undefined && found.status !== 'invalid') return found;
  }
  return null;
}

/** Empty when every authorisation is valid. */
async function authorize(steps: OrderSteps, order: CaOrder): Promise<RefusedName[]> {
  const { task, client } = steps;
  const refused: RefusedName[] = [];
  const chosen: { url: string; challenge: CaChallenge; present: ChallengeToPresent }[] = [];
  for (const url of order.authorizations) {
    const authorization = await client.authorization(url);
    if (authorization.status === 'valid') continue;
    if (authorization.status !== 'pending') {
      refused.push(refusal(authorization));
      continue;
    }
    const name = nameOf(authorization);
    const challenge = choose(task, authorization);
    if (challenge?.token === undefined) {
      const offered = authorization.challenges.map(({ type }) => type).join(', ');
      refused.push({
        name,
        message: `the CA offers only ${offered}, which cannot be done here`,
        problem: null,
      });
      continue;
    }
    const type = challenge.type === 'dns-01' || challenge.type === 'tls-alpn-01' ? challenge.type : 'http-01';
    const keyAuthorization = await client.keyAuthorization(challenge.token);
    const { token } = challenge;
    const host = authorization.identifier.value;
    chosen.push({ url, challenge, present: { name, host, type, token, keyAuthorization } });
  }
  // A name that is refused spoils the order: nobody is asked to validate the others for nothing.
  if (refused.length > 0 || chosen.length === 0) return refused;
  const failures = await steps.present(chosen.map(({ present }) => present));
  if (failures.length > 0) return [...failures];
  for (const { challenge } of chosen) {
    if (challenge.status === 'pending') await client.respond(challenge);
  }
  for (const { url } of chosen) {
    const authorization = await poll(client, issuerLimits.validationTimeoutMs, async () => {
      const value = await client.authorization(url);
      return { done: value.status !== 'pending', value };
    });
    if (authorization.status !== 'valid') refused.push(refusal(authorization));
  }
  return refused;
}

function settle(
  client: CaClient,
  order: CaOrder,
  until: (status: CaOrder['status']) => boolean,
): Promise<CaOrder> {
  return poll(client, issuerLimits.issuanceTimeoutMs, async () => {
    const value = await client.order(order.url);
    if (value.status === 'invalid') throw new OrderInvalid(value.error);
    return { done: until(value.status), value };
  });
}

async function finalize({ task, client }: OrderSteps, order: CaOrder): Promise<void> {
  const [, csr] = await acmeCrypto.createCsr({ altNames: [...task.names] }, task.privateKey);
  try {
    await client.finalize(order, csr);
  } catch (error) {
    // The answer to an earlier request was lost: the order went on without us (RFC 8555 §7.4).
    if (!(error instanceof AcmeProblem && error.type === 'orderNotReady')) throw error;
  }
}

export async function placeOrder(steps: OrderSteps): Promise<OrderResult> {
  const { client, state } = steps;
  await ensureAccount(steps);
  state.phase = 'order';
  let order = (await resumed(steps)) ?? (await create(steps));
  steps.onOrder(order.url);
  if (order.status === 'pending') {
    state.phase = 'challenge';
    const refused = await authorize(steps, order);
    if (refused.length > 0) return { kind: 'refused', names: refused };
    order = await settle(client, order, (status) => status !== 'pending');
  }
  if (order.status === 'ready') {
    state.phase = 'finalize';
    await finalize(steps, order);
  }
  order = await settle(client, order, (status) => status === 'valid');
  state.phase = 'certificate';
  const certificate = await client.certificate(order);
  return { kind: 'issued', certificate, ariId: ariIdOf(certificate) };
}
