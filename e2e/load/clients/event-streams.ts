// A client that listens to an event stream: numbers without a gap, whole events, a proper end.
import type http from 'node:http';
import { type ClientContext, repeatUnits } from '../client-context.ts';
import { SILENCE_MS } from '../limits.ts';
import { type Outcome, type Received, type Stage, failed, nothingReceived, reasonOf } from '../outcome.ts';
import { createAgent, requestOptions, requester } from '../target.ts';

/** One unit is the life of one stream; it is opened again after each. */
export async function runEventStream(context: ClientContext, intervalMs: number): Promise<void> {
  const agent = createAgent(context.target, false);
  await repeatUnits(context, 'eventStream', {
    unit: () => new EventStream(context, agent, intervalMs).outcome,
  });
  agent.destroy();
}

class EventStream {
  readonly outcome: Promise<Outcome>;
  readonly #context: ClientContext;
  readonly #request: http.ClientRequest;
  readonly #silence = setTimeout(() => this.#fail('silence'), SILENCE_MS);
  readonly #onCutOff = (): void => this.#fail('did not end in time');
  readonly #onStop = (): void => this.#endIfWhole();
  #resolve: (outcome: Outcome) => void = () => undefined;
  #stage: Stage = 'connect';
  #received: Received = nothingReceived;
  #rest = '';
  #isSettled = false;

  constructor(context: ClientContext, agent: http.Agent, intervalMs: number) {
    this.#context = context;
    this.outcome = new Promise((resolve) => (this.#resolve = resolve));
    context.cutOff.addEventListener('abort', this.#onCutOff, { once: true });
    context.stopping.addEventListener('abort', this.#onStop, { once: true });
    const headers = { host: context.target.authority, accept: 'text/event-stream' };
    this.#request = requester(context.target)({
      ...requestOptions(context.target, agent),
      path: `/events?ms=${intervalMs}`,
      headers,
    });
    this.#request.once('socket', () => (this.#stage = 'head'));
    this.#request.on('error', (error) => this.#fail(reasonOf(error)));
    this.#request.once('response', (response) => this.#onResponse(response));
    this.#request.end();
  }

  #onResponse(response: http.IncomingMessage): void {
    const text = (name: string): string | null =>
      typeof response.headers[name] === 'string' ? response.headers[name] : null;
    this.#received = {
      ...this.#received,
      status: response.statusCode ?? null,
      version: text('x-app-version'),
      pid: text('x-app-pid'),
    };
    if (response.statusCode !== 200) return this.#fail(`status ${response.statusCode}`);
    this.#stage = 'message';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => this.#onData(chunk));
    response.once('error', (error) => this.#fail(reasonOf(error)));
    response.once('close', () => this.#fail('ended before its end'));
    response.once('end', () => {
      this.#stage = 'end';
      if (!response.complete) return this.#fail('ended before its end');
      if (this.#rest !== '') return this.#fail('ended within an event');
      this.#settle({ kind: 'told', received: this.#received });
    });
  }

  #onData(chunk: string): void {
    this.#silence.refresh();
    const events = (this.#rest + chunk).split('\n\n');
    this.#rest = events.pop() ?? '';
    for (const event of events) {
      const number = this.#received.messages + 1;
      if (!event.startsWith(`id: ${number}\ndata: `)) return this.#fail('a wrong event');
      this.#received = {
        ...this.#received,
        messages: number,
        bytes: this.#received.bytes + event.length + 2,
      };
    }
    if (this.#context.stopping.aborted) this.#endIfWhole();
  }

  /** The run stops: the client goes between two events, after the first. */
  #endIfWhole(): void {
    if (this.#rest !== '' || this.#received.messages === 0) return;
    this.#settle({ kind: 'ok', received: this.#received });
    this.#request.destroy();
  }

  #fail(reason: string): void {
    this.#settle(failed(this.#stage, reason, { received: this.#received }));
    this.#request.destroy();
  }

  #settle(outcome: Outcome): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    clearTimeout(this.#silence);
    this.#context.cutOff.removeEventListener('abort', this.#onCutOff);
    this.#context.stopping.removeEventListener('abort', this.#onStop);
    this.#resolve(outcome);
  }
}
