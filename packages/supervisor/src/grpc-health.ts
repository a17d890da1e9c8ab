// What the answer of grpc.health.v1.Health/Check says (grpc/grpc doc/health-checking.md). Pure.
import type { ProbeResult } from './instance.types.ts';

export interface GrpcHealthAnswer {
  readonly contentType: string | undefined;
  readonly status: string | undefined;
  readonly message: string | undefined;
  /** Messages as they came: a flag, a length of four octets, the message. */
  readonly body: Buffer;
}

const serving = 1;
const servingNames = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;
const unimplemented = '12';

/** Null when it serves. A head without gRPC in it is left to those who judge its status. */
export function judgeGrpcHealth(answer: GrpcHealthAnswer): ProbeResult['error'] {
  const { contentType, status, message, body } = answer;
  if (status === undefined && !(contentType ?? '').startsWith('application/grpc'))
    return { kind: 'protocol', message: 'answered, but not in gRPC' };
  if (status === unimplemented)
    return { kind: 'status', message: 'answered UNIMPLEMENTED: the app has no gRPC health service' };
  if (status !== '0') {
    const said = message === undefined ? '' : ` (${message.slice(0, 200)})`;
    return { kind: 'status', message: `answered grpc-status ${status ?? 'nothing'}${said}; a probe needs 0` };
  }
  const health = readHealth(body);
  if (health === serving) return null;
  return { kind: 'status', message: `answered ${servingNames[health] ?? health}; a probe needs SERVING` };
}

/** Field 1 of the message, a small number; 0 where it is left out, as protobuf leaves out zeros. */
function readHealth(body: Buffer): number {
  const isPlain = body[0] === 0;
  return isPlain && body[5] === 0x08 ? (body[6] ?? 0) : 0;
}
