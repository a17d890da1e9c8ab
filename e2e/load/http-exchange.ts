// One HTTP/1.1 exchange, from connect to the checked last byte, as an Outcome. It never rejects, and never retries.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BodyCheck, checkReceipt } from './body-check.ts';
import { SILENCE_MS } from './limits.ts';
import { type Outcome, type Received, type Stage, failed, nothingReceived, reasonOf } from './outcome.ts';
import { patternPieces } from './pattern.ts';
import { type Target, requestOptions, requester } from './target.ts';

export interface UploadSpec {
  readonly seed: number;
  readonly bytes: number;
  readonly chunked?: boolean;
  /** Sent no faster than this; 0: as fast as it goes. */
  readonly bytesPerSecond?: number;
}

export interface ExchangeSpec {
  readonly path: string;
  /** Given the head of the response: what its body must be. Not asked for uploads. */
  readonly check: (headers: http.IncomingHttpHeaders) => BodyCheck;
  /** A POST of so many bytes of the pattern, chunked when `chunked`. */
  readonly upload?: UploadSpec;
  /** Read no faster than this; 0: as fast as it comes. */
  readonly bytesPerSecond?: number;
  /** Without any progress. */
  readonly silenceMs?: number;
  /** Aborted: the exchange has failed. */
  readonly signal: AbortSignal;
}

export function exchange(target: Target, agent: http.Agent, spec: ExchangeSpec): Promise<Outcome> {
  return new HttpExchange(target, agent, spec).outcome;
}

class HttpExchange {
  readonly outcome: Promise<Outcome>;
  readonly #spec: ExchangeSpec;
  readonly #request: http.ClientRequest;
  readonly #silence: NodeJS.Timeout;
  readonly #onAbort = (): void => this.#fail('did not end in time');
  #resolve: (outcome: Outcome) => void = () => undefined;
  #stage: Stage = 'connect';
  #received: Received = nothingReceived;
  /** Of what was sent so far. */
  readonly #sentHash = createHash('sha256');
  #isSettled = false;

  constructor(target: Target, agent: http.Agent, spec: ExchangeSpec) {
    this.#spec = spec;
    this.outcome = new Promise((resolve) => (this.#resolve = resolve));
    this.#silence = setTimeout(() => this.#fail('silence'), spec.silenceMs ?? SILENCE_MS);
    spec.signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#request = requester(target)({
      ...requestOptions(target, agent),
      method: spec.upload === undefined ? 'GET' : 'POST',
      path: spec.path,
      headers: { host: target.authority, ...uploadHeaders(spec) },
    });
    this.#request.once('socket', (socket) => {
      const connected = (): void => void (this.#stage = this.#stage === 'connect' ? 'head' : this.#stage);
      if (socket.connecting) socket.once(target.isSecure ? 'secureConnect' : 'connect', connected);
      else connected();
    });
    this.#request.once('error', (error) => this.#fail(reasonOf(error)));
    this.#request.once('response', (response) => this.#onResponse(response));
    this.#send().catch((error: unknown) => this.#fail(reasonOf(error)));
  }

  async #send(): Promise<void> {
    const { upload } = this.#spec;
    if (upload === undefined) return void this.#request.end();
    const rate = upload.bytesPerSecond ?? 0;
    for (const piece of patternPieces(upload.seed, { from: 0, to: upload.bytes })) {
      if (this.#isSettled) return;
      this.#sentHash.update(piece);
      if (!this.#request.write(piece)) await Promise.race([once(this.#request, 'drain'), this.outcome]);
      if (rate > 0) await sleep((1000 * piece.length) / rate);
      this.#silence.refresh();
    }
    this.#request.end();
  }

  #onResponse(response: http.IncomingMessage): void {
    this.#stage = 'body';
    this.#received = {
      ...this.#received,
      status: response.statusCode ?? null,
      version: text(response, 'x-app-version'),
      pid: text(response, 'x-app-pid'),
    };
    if (response.statusCode !== 200) {
      this.#stage = 'head';
      return this.#fail(`status ${response.statusCode}`);
    }
    const check = this.#checkFor(response);
    response.on('data', (chunk: Buffer) => this.#onData(response, check, chunk));
    response.once('error', (error) => this.#fail(reasonOf(error)));
    response.once('close', () => this.#fail('ended before its end'));
    response.once('end', () => {
      const problem = response.complete ? check.end() : 'ended before its end';
      if (problem === null) this.#settle({ kind: 'ok', received: this.#received });
      else this.#fail(problem);
    });
  }

  #checkFor(response: http.IncomingMessage): BodyCheck {
    const { upload, check } = this.#spec;
    if (upload === undefined) return check(response.headers);
    return checkReceipt(() => ({ bytes: upload.bytes, sha256: this.#sentHash.copy().digest('hex') }));
  }

  #onData(response: http.IncomingMessage, check: BodyCheck, chunk: Buffer): void {
    this.#received = { ...this.#received, bytes: this.#received.bytes + chunk.length };
    this.#silence.refresh();
    const problem = check.take(chunk);
    if (problem !== null) return this.#fail(problem);
    const rate = this.#spec.bytesPerSecond ?? 0;
    if (rate === 0) return;
    response.pause();
    setTimeout(() => response.resume(), (1000 * chunk.length) / rate);
  }

  #fail(reason: string): void {
    this.#settle(
      failed(this.#stage, reason, { received: this.#received, reused: this.#request.reusedSocket }),
    );
    this.#request.destroy();
  }

  /** The first outcome counts: what follows is its echo. */
  #settle(outcome: Outcome): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    clearTimeout(this.#silence);
    this.#spec.signal.removeEventListener('abort', this.#onAbort);
    // What the torn down request still has to say is of no interest, and must not be thrown.
    this.#request.on('error', () => undefined);
    this.#resolve(outcome);
  }
}

function uploadHeaders(spec: ExchangeSpec): http.OutgoingHttpHeaders {
  if (spec.upload === undefined) return {};
  const framing =
    spec.upload.chunked === true
      ? { 'transfer-encoding': 'chunked' }
      : { 'content-length': spec.upload.bytes };
  return { 'content-type': 'application/octet-stream', ...framing };
}

function text(response: http.IncomingMessage, name: string): string | null {
  const value = response.headers[name];
  return typeof value === 'string' ? value : null;
}
