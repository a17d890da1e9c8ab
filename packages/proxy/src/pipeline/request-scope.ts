// One request on its way through the passes: what was found out about it, what it holds, and how it ended. Every
// end comes through here: counted once, guard released once, log line written once.
import { logFactsOf } from '../access-log/log-facts.ts';
import type { InFlightRequest } from '../in-flight/in-flight-request.ts';
import type { Seat } from '../in-flight/roll.ts';
import type { RequestGuard } from '../in-flight/request-guard.ts';
import { readClientOrigin, type ClientOrigin } from '../headers/client-origin.ts';
import { errorReply } from '../replies/error-page.ts';
import type { FailureKind } from '../replies/failure.ts';
import type { Deployment } from '../serving/deployment.ts';
import type { Instance } from '../serving/instance.ts';
import type { Exchange, ExchangeEnd, ExchangeWatcher, Reply } from './exchange.ts';
import type { Pass } from './pass.ts';
import type { PipelineServices } from './services.ts';

/** nginx's word for "the client went away before it was answered"; in log and metrics only. */
const clientGoneStatus = 499;

/** The one who carries the request to an instance, once a pass has handed it over. */
export interface Carrier extends InFlightRequest {
  /** The client takes more. */
  readonly clientDrained: () => void;
  /** The client's side is over: let go of everything upstream. */
  readonly closed: () => void;
}

export class RequestScope implements ExchangeWatcher, InFlightRequest {
  readonly exchange: Exchange;
  readonly services: PipelineServices;
  readonly origin: ClientOrigin;
  readonly requestId: string;
  readonly startedAt: number;
  host = '';
  path = '';
  deployment: Deployment | null = null;
  guard: RequestGuard | null = null;
  carrier: Carrier | null = null;
  /** Undoes what a holding pass set up, when the client leaves meanwhile. */
  abandonHold: (() => void) | null = null;
  instance: Instance | null = null;
  upstreamMs: number | null = null;
  status: number | null = null;
  failure: FailureKind | null = null;
  cause: string | null = null;
  readonly #passes: readonly Pass[];
  readonly #seat: Seat<RequestScope>;
  #next = 0;
  #ended = false;

  constructor(exchange: Exchange, services: PipelineServices, passes: readonly Pass[]) {
    this.exchange = exchange;
    this.services = services;
    this.#passes = passes;
    this.startedAt = services.clock.now();
    this.origin = readClientOrigin(exchange, services.trusted);
    this.requestId = services.requestIds.choose(exchange.header('x-request-id'));
    this.#seat = services.requests.add(this);
    exchange.watch(this);
  }

  get isOver(): boolean {
    return this.#ended;
  }

  /** What it ended with, for log and metrics. */
  get finalStatus(): number {
    return this.status ?? clientGoneStatus;
  }

  /** Runs the passes that are left; called again by a pass that held the request. */
  proceed(): void {
    this.abandonHold = null;
    while (!this.#ended) {
      const pass = this.#passes[this.#next];
      if (pass === undefined) throw new Error('The last pass let a request go on');
      this.#next += 1;
      if (pass.run(this) !== 'next') return;
    }
  }

  /** The whole answer, ours. */
  answer(reply: Reply): 'answered' {
    if (!this.#ended && this.status === null) {
      this.status = reply.status;
      this.exchange.reply(reply);
    }
    return 'answered';
  }

  /** Nothing was sent yet: the page of that failure. */
  fail(kind: FailureKind, cause: string | null = null): 'answered' {
    this.failure = kind;
    this.cause = cause;
    return this.answer(
      errorReply({
        kind,
        requestId: this.requestId,
        accept: this.exchange.header('accept'),
        retryAfterSeconds: this.services.limits.retryAfterSeconds,
      }),
    );
  }

  /** A response is under way and cannot be finished. */
  breakOff(kind: FailureKind, cause: string | null): void {
    this.failure = kind;
    this.cause = cause;
    this.exchange.reset();
  }

  drain(): void {
    this.carrier?.clientDrained();
  }

  bodyStalled(): void {
    this.#giveUp('bodyTimedOut', null);
  }

  bodyMalformed(reason: string): void {
    this.#giveUp('malformed', reason);
  }

  closed(end: ExchangeEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    if (end === 'aborted' && this.failure === null) this.failure = 'clientGone';
    const { accessLog, metrics, requests } = this.services;
    metrics.requestEnded(this);
    this.abandonHold?.();
    this.carrier?.closed();
    this.guard?.release();
    requests.remove(this.#seat);
    if (accessLog.isOn) accessLog.write(logFactsOf(this));
  }

  #giveUp(kind: FailureKind, cause: string | null): void {
    if (this.#ended) return;
    this.abandonHold?.();
    this.carrier?.closed();
    if (this.status === null) this.fail(kind, cause);
    else this.breakOff(kind, cause);
  }

  isStream(): boolean {
    return this.carrier?.isStream() ?? false;
  }

  endPolitely(): void {
    this.carrier?.endPolitely();
  }

  cut(): void {
    if (this.carrier !== null) this.carrier.cut();
    else this.#giveUp('noInstance', 'cut while it was held');
  }
}
