// What a probe asks of an app, and what the two protocols that can ask it tell of the answer. Knows no socket and no
// verdict.
import type { ProbeSpec } from './instance-spec.ts';
import type { ProbeResult } from './instance.types.ts';

export type ProbeErrorKind = NonNullable<ProbeResult['error']>['kind'];

export interface ProbeTarget {
  readonly port: number;
  readonly spec: Pick<ProbeSpec, 'protocol' | 'path' | 'hostHeader' | 'token' | 'timeoutMs'>;
  readonly signal: AbortSignal;
}

export interface ProbeAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly field: (name: string) => string | undefined;
  /** What is wrong with it beyond status and token; null = nothing. */
  readonly fault: ProbeResult['error'];
}

export interface ProbeEvents {
  /** All that is needed for a verdict; the body may follow. */
  readonly answered: (answer: ProbeAnswer) => void;
  readonly data: (chunk: Buffer) => void;
  /** Nothing more comes, whether or not it was whole. */
  readonly ended: () => void;
  readonly failed: (kind: ProbeErrorKind, message: string) => void;
}

/** Begins; returns how it is called off. Throws where the request cannot be written. */
export type SendProbe = (target: ProbeTarget, events: ProbeEvents) => () => void;

export const tokenHeader = 'x-tako-internal-token';

/** grpc/grpc doc/health-checking.md: every gRPC server may offer it, and most do. */
export const isGrpcHealth = ({ protocol, path }: Pick<ProbeSpec, 'protocol' | 'path'>): boolean =>
  protocol === 'h2c' && path === '/grpc.health.v1.Health/Check';

export const probeMethod = (spec: Pick<ProbeSpec, 'protocol' | 'path'>): 'GET' | 'POST' =>
  isGrpcHealth(spec) ? 'POST' : 'GET';

/** Beside host and what belongs to the protocol. */
export function probeFields(spec: ProbeTarget['spec']): Record<string, string> {
  const fields: Record<string, string> = { 'user-agent': 'Tako-Probe/1', accept: '*/*' };
  if (spec.token === null) {
    // An app that redirects plain HTTP must see the request as its users' requests look behind the proxy.
    fields['x-forwarded-proto'] = 'https';
    fields['x-forwarded-host'] = spec.hostHeader;
  } else {
    fields[tokenHeader] = spec.token;
  }
  return fields;
}

/** What Node says of one field, as one value. */
export const fieldText = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(', ') : value;

export function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
