// From a process to a healthy instance: readiness in either contract (spec 60), then the first good probe, each with
// its deadline. Knows nothing of processes or states: it is told what happens, and tells what came of it.
import type { InstanceSpec } from './instance-spec.ts';
import { probeMethod } from './probe-request.ts';
import type { ProbeResult, StartFailure } from './instance.types.ts';
import { limits } from './limits.ts';
import { sleep, within } from './timing.ts';

export interface StartSequenceOptions {
  readonly spec: InstanceSpec;
  /** Known already (adopted): readiness is not waited for. */
  readonly knownPort: number | null;
  readonly whenSaidReady: Promise<number>;
  readonly probe: (port: number, timeoutMs: number) => Promise<ProbeResult>;
  /** Another process has the port: what answers there says nothing about this instance. */
  readonly isPortOfOthers: (port: number) => boolean;
  readonly onReady: (port: number) => void;
  readonly onProbe: (result: ProbeResult) => void;
  /** The process ended, or is to be stopped. */
  readonly signal: AbortSignal;
}

export type StartSequenceResult =
  | { readonly kind: 'healthy' }
  | { readonly kind: 'interrupted'; readonly phase: StartFailure['phase'] }
  | { readonly kind: 'failed'; readonly phase: StartFailure['phase']; readonly reason: string };

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}

/** `GET http://127.0.0.1:3000/ (Host: example.com): answered 500; a probe needs 2xx`. */
export function describeProbe(result: ProbeResult, spec: InstanceSpec): string {
  const outcome = result.error === null ? `answered ${result.status}` : result.error.message;
  return `${probeMethod(spec.probe)} ${result.url} (Host: ${spec.probe.hostHeader}): ${outcome}`;
}

export async function runStartSequence(options: StartSequenceOptions): Promise<StartSequenceResult> {
  const { spec, knownPort, signal } = options;
  if (signal.aborted) return { kind: 'interrupted', phase: 'readiness' };
  if (knownPort !== null) {
    options.onReady(knownPort);
    return awaitHealth(options, { port: knownPort, answered: true });
  }
  if (spec.readiness.kind === 'http')
    return awaitHealth(options, { port: spec.readiness.port, answered: false });
  const said = await within(options.whenSaidReady, spec.readiness.timeoutMs, signal);
  if (signal.aborted) return { kind: 'interrupted', phase: 'readiness' };
  if (said.kind === 'late') {
    const reason = `did not write the line TAKO:READY:<port> to stdout within ${seconds(spec.readiness.timeoutMs)}`;
    return { kind: 'failed', phase: 'readiness', reason };
  }
  options.onReady(said.value);
  return awaitHealth(options, { port: said.value, answered: true });
}

/** Probes until one is good. An app that answers anything at all is ready; from then on it has `healthTimeoutMs`. */
async function awaitHealth(
  options: StartSequenceOptions,
  from: { readonly port: number; readonly answered: boolean },
): Promise<StartSequenceResult> {
  const { spec, signal } = options;
  let answered = from.answered;
  let deadline = performance.now() + (answered ? spec.healthTimeoutMs : spec.readiness.timeoutMs);
  for (;;) {
    // A last probe of a few milliseconds would only replace good evidence by its own time-out.
    const left = Math.max(limits.lastProbeMs, Math.ceil(deadline - performance.now()));
    const result = await options.probe(from.port, Math.min(spec.probe.timeoutMs, left));
    if (signal.aborted) return { kind: 'interrupted', phase: answered ? 'health' : 'readiness' };
    // With the SDK the token proves who answers; without it the first answer might be anybody's.
    const isForeign = !answered && result.status !== null && options.isPortOfOthers(from.port);
    if (!answered && result.status !== null && !isForeign) {
      answered = true;
      deadline = performance.now() + spec.healthTimeoutMs;
      options.onReady(from.port);
    }
    if (!isForeign) {
      options.onProbe(result);
      if (result.ok) return { kind: 'healthy' };
    }
    if (performance.now() + spec.probe.startIntervalMs >= deadline)
      return failedHealth(options, result, { port: from.port, answered, isForeign });
    await sleep(spec.probe.startIntervalMs, signal);
    if (signal.aborted) return { kind: 'interrupted', phase: answered ? 'health' : 'readiness' };
  }
}

function failedHealth(
  { spec }: StartSequenceOptions,
  result: ProbeResult,
  at: { readonly port: number; readonly answered: boolean; readonly isForeign: boolean },
): StartSequenceResult {
  const { port, answered } = at;
  if (at.isForeign) {
    const reason = `did not listen on $PORT = ${port} within ${seconds(spec.readiness.timeoutMs)}: another process listens there`;
    return { kind: 'failed', phase: 'readiness', reason };
  }
  if (!answered) {
    const reason = `did not answer on $PORT = ${port} within ${seconds(spec.readiness.timeoutMs)}: ${describeProbe(result, spec)}`;
    return { kind: 'failed', phase: 'readiness', reason };
  }
  const reason = `was ready but not healthy within ${seconds(spec.healthTimeoutMs)}: ${describeProbe(result, spec)}`;
  return { kind: 'failed', phase: 'health', reason };
}
