// The one door by which "no space" becomes a fact a person can act on.
import { TakoError } from '@tako/config';
import { errorCode } from './durable-file.ts';

/** ENOSPC, and EDQUOT for a quota (errno(3)). */
export function isDiskFull(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

export function diskFull(
  where: string,
  details: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): TakoError {
  const { neededBytes, freeBytes } = details;
  const figures =
    typeof neededBytes === 'number' && typeof freeBytes === 'number'
      ? `: ${mebibytes(neededBytes)} are needed, ${mebibytes(freeBytes)} are free`
      : '';
  return new TakoError('DISK_FULL', `The disk of ${where} is too full${figures}.`, {
    hint: 'Make room on the server (old releases go with `tako delete` or a smaller history), then try again.',
    details: { where, ...details },
    cause,
  });
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / (1024 * 1024))} MiB`;
}
