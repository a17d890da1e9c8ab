// How much of an upload goes out before the server's word is waited for. What was sent and is not there yet stands in the
// queues of ssh and of the network, and everything else waits behind it, the renewal of the lock first of all: on a slow
// link a piece is small, on a quick one so large that the waiting costs nothing. Pure.
import { clientLimits } from '../limits.ts';

const growthMax = 4;

/** After a piece of `bytes` that took so long: one that takes about as long as is wanted. */
export function nextPieceBytes(bytes: number, tookMs: number): number {
  const { uploadPieceMinBytes, uploadPieceMaxBytes, uploadPieceMs } = clientLimits;
  const factor = Math.min(growthMax, uploadPieceMs / Math.max(1, tookMs));
  return Math.min(uploadPieceMaxBytes, Math.max(uploadPieceMinBytes, Math.round(bytes * factor)));
}
