// HTTP status of an error code, for people with curl and for the artifact requests; clients of ours read the code.
import { errorSpec } from '../errors/error-spec.ts';

export function httpStatusOf(code: string): number {
  if (code === 'PROTOCOL_MISMATCH') return 412;
  if (code === 'REQUEST_TOO_LARGE' || code === 'ARTIFACT_TOO_LARGE') return 413;
  const spec = errorSpec(code);
  if (spec === null || spec.source === 'internal') return 500;
  if (spec.exitCode === 3) return 404;
  if (spec.exitCode === 6 || code === 'ARTIFACT_OUT_OF_ORDER' || code === 'ARTIFACT_BUSY') return 409;
  return spec.source === 'server' ? 503 : 400;
}
