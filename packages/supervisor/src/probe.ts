// One probe: one GET on a connection of its own, judged by its head, bounded in time and bytes. Knows nothing of
// what a result leads to. Redirects are reported, never followed.
import type { ProbeResult } from './instance.types.ts';
import { limits } from './limits.ts';
import { sendH2cProbe } from './probe-h2c.ts';
import { sendHttp1Probe } from './probe-http1.ts';
import {
  type ProbeAnswer,
  type ProbeErrorKind,
  type ProbeEvents,
  type ProbeTarget,
  type SendProbe,
  tokenHeader,
} from './probe-request.ts';

const senders: Readonly<Record<ProbeTarget['spec']['protocol'], SendProbe>> = {
  http1: sendHttp1Probe,
  h2c: sendH2cProbe,
};

/** What a complete head says about the app, or null when it is good. */
function judge({ status, field, fault }: ProbeAnswer, token: string | null): ProbeResult['error'] {
  if (status >= 300 && status < 400) {
    const location = field('location') ?? 'nowhere';
    return {
      kind: 'redirect',
      message: `answered ${status} to ${location}; redirects are not followed, a probe needs 2xx`,
    };
  }
  if (status < 200 || status >= 300)
    return { kind: 'status', message: `answered ${status}; a probe needs 2xx` };
  if (token !== null && field(tokenHeader) !== token) {
    return {
      kind: 'token',
      message: `answered ${status} without echoing its internal token: another program, or no @tako/sdk on this port`,
    };
  }
  return fault;
}

function printable(body: Buffer): string {
  // Control characters of an app's answer have no business in a terminal.
  return body
    .toString('utf8')
    .slice(0, limits.probeFirstCharactersMax)
    .replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim();
}

class Probe implements ProbeEvents {
  readonly #target: ProbeTarget;
  readonly #at = Date.now();
  readonly #url: string;
  readonly #done = Promise.withResolvers<ProbeResult>();
  readonly #body: Buffer[] = [];
  #bodyBytes = 0;
  #hangUp: (() => void) | null = null;
  #answer: ProbeAnswer | null = null;
  #timer: NodeJS.Timeout | null = null;
  #ended = false;

  constructor(target: ProbeTarget) {
    this.#target = target;
    this.#url = `http://127.0.0.1:${target.port}${target.spec.path}`;
  }

  run(): Promise<ProbeResult> {
    const { spec, signal } = this.#target;
    this.#timer = setTimeout(() => this.#onDeadline(), spec.timeoutMs);
    signal.addEventListener('abort', this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
    else this.#send(spec);
    return this.#done.promise;
  }

  answered(answer: ProbeAnswer): void {
    if (this.#ended || this.#answer !== null) return;
    this.#answer = answer;
    // The head decides. The body is only read to let an ordinary answer end in peace, and for its first bytes.
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.ended(), limits.probeBodyMs);
  }

  data(chunk: Buffer): void {
    this.#body.push(chunk);
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes >= limits.probeBodyBytesMax) this.ended();
  }

  ended(): void {
    if (this.#answer !== null) this.#end(judge(this.#answer, this.#target.spec.token));
  }

  failed(kind: ProbeErrorKind, message: string): void {
    // Once there is an answer, how its connection ends does not matter.
    if (this.#answer === null) this.#end({ kind, message });
  }

  readonly #onAbort = (): void => this.#end({ kind: 'timeout', message: 'the probe was called off' });

  #send(spec: ProbeTarget['spec']): void {
    try {
      this.#hangUp = senders[spec.protocol](this.#target, this);
    } catch (error) {
      this.failed('protocol', error instanceof Error ? error.message : String(error));
    }
  }

  /** A daemon that was itself busy must not blame the app: let waiting bytes come in before the verdict. */
  #onDeadline(): void {
    this.#timer = null;
    setImmediate(() => {
      this.failed('timeout', `no answer within ${this.#target.spec.timeoutMs} ms`);
    });
  }

  #end(error: ProbeResult['error']): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#target.signal.removeEventListener('abort', this.#onAbort);
    this.#hangUp?.();
    const firstBytes = this.#bodyBytes === 0 ? null : printable(Buffer.concat(this.#body));
    this.#done.resolve({
      at: this.#at,
      ok: error === null,
      url: this.#url,
      status: this.#answer?.status ?? null,
      firstBytes,
      error,
    });
  }
}

/** Never rejects; an abort ends it at once, with a failed result that nobody should count. */
export function probe(target: ProbeTarget): Promise<ProbeResult> {
  return new Probe(target).run();
}
