// Request bodies with a limit and a deadline: a call's JSON as one text, an upload's bytes as they come.
import type { IncomingMessage } from 'node:http';
import { TakoError } from '@tako/config';

export interface TextLimits {
  readonly bytesMax: number;
  readonly timeoutMs: number;
}

/** Errors: REQUEST_TOO_LARGE, TIMED_OUT, CONNECTION_LOST. The rest of a refused body stays unread. */
export function readText(request: IncomingMessage, { bytesMax, timeoutMs }: TextLimits): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const timer = setTimeout(() => end(timedOut(timeoutMs)), timeoutMs);
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > bytesMax) end(tooLarge(bytesMax));
      else chunks.push(chunk);
    };
    const onEnd = (): void => end(null);
    const onCut = (): void => {
      end(new TakoError('CONNECTION_LOST', 'the client went away before its request was complete'));
    };
    function end(error: TakoError | null): void {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('close', onCut).off('error', onCut).pause();
      if (error === null) resolve(Buffer.concat(chunks).toString('utf8'));
      else reject(error);
    }
    request.on('close', onCut).on('error', onCut).on('end', onEnd);
    if (Number(request.headers['content-length'] ?? 0) > bytesMax) end(tooLarge(bytesMax));
    else request.on('data', onData);
  });
}

export interface UploadLimits {
  readonly bytesMax: number;
  readonly idleTimeoutMs: number;
}

/**
 * The body as it comes, pulled, so that a slow reader slows the sender. Ends without an error when the client goes
 * away, or is cut off for sending nothing for `idleTimeoutMs`. Errors: ARTIFACT_TOO_LARGE at the first byte too many.
 */
export async function* uploadBody(
  request: IncomingMessage,
  { bytesMax, idleTimeoutMs }: UploadLimits,
): AsyncGenerator<Buffer, void, void> {
  // The request must survive an early end of this loop: the answer still goes over its socket.
  const chunks: AsyncIterator<Buffer> = request.iterator({ destroyOnReturn: false });
  let bytes = 0;
  try {
    while (true) {
      const stalled = setTimeout(() => request.destroy(), idleTimeoutMs);
      const next = await chunks.next().finally(() => clearTimeout(stalled));
      if (next.done === true) return;
      bytes += next.value.length;
      if (bytes > bytesMax) throw moreThanAnnounced(bytesMax);
      yield next.value;
    }
  } catch (cause) {
    if (!isCut(cause)) throw cause;
  } finally {
    await chunks.return?.();
  }
}

/** How Node says that the connection ended in mid-body, by the other side or by us. */
function isCut(cause: unknown): boolean {
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  return (
    code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'EPIPE' || code === 'ABORT_ERR'
  );
}

export function moreThanAnnounced(bytesMax: number): TakoError {
  return new TakoError(
    'ARTIFACT_TOO_LARGE',
    `the upload sends more than the ${bytesMax} bytes that it announced`,
    {
      hint: 'The file changed while it was sent: build again.',
      details: { bytesMax },
    },
  );
}

function tooLarge(bytesMax: number): TakoError {
  return new TakoError('REQUEST_TOO_LARGE', `the request is larger than ${bytesMax} bytes`, {
    hint: 'Send less in one call: fewer or shorter secrets, variables or routes.',
    details: { bytesMax },
  });
}

function timedOut(timeoutMs: number): TakoError {
  return new TakoError('TIMED_OUT', `the request's body did not arrive within ${timeoutMs} ms`);
}
