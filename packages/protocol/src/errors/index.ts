// Public names of the errors: the registry, and what a script asks of an error that it caught. Loads no tRPC.
export { isTakoError, type TakoError } from '@tako/config/tako-error';
export { errorSpec, exitCodeOf, isErrorCode, isRetryable } from './error-spec.ts';
export {
  errorRegistry,
  type ErrorCode,
  type ErrorSource,
  type ErrorSpec,
  type ExitCode,
} from './registry.ts';
