// Sends an artifact: asks how much the server has, sends the rest, and again after a cut, until it is verified. Gives up
// after some attempts in a row that brought nothing. Knows no build and no file.
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { TakoError } from '@tako/config/tako-error';
import { isRetryable } from '../errors/error-spec.ts';
import { clientLimits } from '../limits.ts';
import { linkAbort } from '../linked-abort.ts';
import { headerNames } from '../protocol-version.ts';
import { fromHeaderError, fromWireError } from '../wire/error-wire.ts';
import { readJson } from './answer-body.ts';
import { createByteSource } from './byte-source.ts';
import type { ByteSource } from './byte-source.ts';
import type { Upload, UploadResult } from './client.types.ts';
import { connectionError, notTako, silent } from './connection-error.ts';
import { nextPieceBytes } from './piece-size.ts';
import type { Transport } from './transport.ts';

export interface UploadPlace {
  readonly transport: Transport;
  /** Aborts when the client is closed. */
  readonly ended: AbortSignal;
}

interface Held {
  readonly offsetBytes: number;
  readonly complete: boolean;
}

/** One upload over all its attempts. */
interface Sending extends UploadPlace {
  readonly upload: Upload;
  readonly signal: AbortSignal;
  sentBytes: number;
}

export async function uploadArtifact(place: UploadPlace, upload: Upload): Promise<UploadResult> {
  using life = linkAbort([place.ended, upload.signal]);
  const { signal } = life;
  const sending: Sending = { ...place, upload, signal, sentBytes: 0 };
  let reachedBytes = -1;
  let fruitless = 0;
  for (let attempts = 1; ; attempts += 1) {
    try {
      const held = await askHeld(sending);
      if (held.offsetBytes > reachedBytes) fruitless = 0;
      reachedBytes = Math.max(reachedBytes, held.offsetBytes);
      const now = held.complete ? held : await sendFrom(sending, held.offsetBytes);
      if (now.complete) return { sentBytes: sending.sentBytes, attempts };
      throw incomplete(upload, now);
    } catch (cause) {
      signal.throwIfAborted();
      fruitless += 1;
      if (!isRetryable(cause) || fruitless >= clientLimits.uploadAttemptsMax) throw cause;
      await delay(backOffMs(fruitless), undefined, { signal });
    }
  }
}

async function askHeld({ transport, upload, signal }: Sending): Promise<Held> {
  const { socketPath } = transport;
  using life = linkAbort([signal]);
  const ms = clientLimits.answerTimeoutMs;
  const timer = setTimeout(() => life.abort(silent(socketPath, ms)), ms);
  const answer = await transport
    .request({ method: 'HEAD', path: `/artifacts/${upload.sha256}`, signal: life.signal, repeatable: true })
    .finally(() => clearTimeout(timer));
  answer.resume();
  const error = answer.headers[headerNames.error];
  const offset = answer.headers[headerNames.uploadOffset];
  if (typeof error === 'string') throw fromHeaderError(error) ?? notTako(socketPath);
  if (answer.statusCode !== 200 || typeof offset !== 'string' || !/^\d{1,15}$/.test(offset))
    throw notTako(socketPath);
  return { offsetBytes: Number(offset), complete: answer.headers[headerNames.uploadComplete] === '?1' };
}

/** The rest in pieces, each when the server has the one before. */
async function sendFrom(sending: Sending, offsetBytes: number): Promise<Held> {
  const { sizeBytes, open } = sending.upload;
  const source = createByteSource(open(offsetBytes));
  let pieceBytes: number = clientLimits.uploadPieceMinBytes;
  let from = offsetBytes;
  try {
    for (;;) {
      const to = Math.min(sizeBytes, from + pieceBytes);
      const startedAt = performance.now();
      const held = await sendPiece(sending, source, { from, to });
      // Whoever has another number than we sent is asked again.
      if (held.complete || held.offsetBytes !== to || to === sizeBytes) return held;
      pieceBytes = nextPieceBytes(to - from, performance.now() - startedAt);
      from = to;
    }
  } finally {
    source.close();
  }
}

interface Piece {
  readonly from: number;
  readonly to: number;
}

async function sendPiece(sending: Sending, source: ByteSource, piece: Piece): Promise<Held> {
  const { transport, upload, signal } = sending;
  using life = linkAbort([signal]);
  const patience = createPatience((ms) => life.abort(silent(transport.socketPath, ms)));
  let local: unknown = null;
  const onStep = (more: boolean): void =>
    patience.wait(more ? clientLimits.streamSilenceMaxMs : clientLimits.uploadAnswerTimeoutMs);
  const body = Readable.from(exactly(sending, source, { ...piece, onStep }), { objectMode: false }).once(
    'error',
    (cause) => {
      local = cause;
    },
  );
  try {
    const answer = await transport.request({
      method: 'PUT',
      path: `/artifacts/${upload.sha256}`,
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': piece.to - piece.from,
        [headerNames.uploadOffset]: piece.from,
        [headerNames.uploadLength]: upload.sizeBytes,
      },
      body,
      signal: life.signal,
      repeatable: false,
    });
    return await heldOf(answer, transport.socketPath);
  } catch (cause) {
    signal.throwIfAborted();
    // The reason of the cut, not the cut: our side's file, or our patience.
    throw local ?? connectionError(life.signal.aborted ? life.signal.reason : cause, transport.socketPath);
  } finally {
    patience.end();
    body.destroy();
  }
}

/** The bytes of a piece, exactly as many as were announced, and the file must end where the last piece does. */
async function* exactly(
  sending: Sending,
  source: ByteSource,
  { from, to, onStep }: Piece & { readonly onStep: (more: boolean) => void },
): AsyncGenerator<Uint8Array, void, void> {
  const { sizeBytes, onProgress } = sending.upload;
  let position = from;
  onStep(true);
  for await (const chunk of source.take(to - from)) {
    const isLast = position + chunk.length === sizeBytes;
    // Before the last bytes: with them the server would have a whole that is none.
    if (isLast && !(await source.isAtEnd())) throw changed(sending.upload, 'more');
    yield chunk;
    position += chunk.length;
    sending.sentBytes += chunk.length;
    onProgress?.({ sentBytes: position, sizeBytes });
    onStep(true);
  }
  if (position < to) throw changed(sending.upload, 'fewer');
  onStep(false);
}

async function heldOf(answer: IncomingMessage, socketPath: string): Promise<Held> {
  const value = await readJson(answer, { socketPath, silenceMaxMs: clientLimits.streamSilenceMaxMs });
  if (answer.statusCode !== 200) throw errorOf(value) ?? notTako(socketPath);
  if (!isHeld(value)) throw notTako(socketPath);
  return value;
}

/** `{error: {json: {data: {tako}}}}`: a wire error in the shape of a tRPC answer; it holds plain JSON only. */
function errorOf(value: unknown): TakoError | null {
  let part = value;
  for (const key of ['error', 'json', 'data', 'tako']) {
    if (typeof part !== 'object' || part === null) return null;
    const inner: unknown = Reflect.get(part, key);
    part = inner;
  }
  return fromWireError(part);
}

function isHeld(value: unknown): value is Held {
  return (
    typeof value === 'object' &&
    value !== null &&
    'offsetBytes' in value &&
    typeof value.offsetBytes === 'number' &&
    'complete' in value &&
    typeof value.complete === 'boolean'
  );
}

function createPatience(onLost: (ms: number) => void) {
  let timer: NodeJS.Timeout | null = null;
  let over = false;
  const stop = (): void => {
    if (timer !== null) clearTimeout(timer);
  };
  return {
    end(): void {
      over = true;
      stop();
    },
    wait(ms: number): void {
      stop();
      // A quick server answers before the body's generator has taken its last step: that step must start no timer.
      if (!over) timer = setTimeout(() => onLost(ms), ms);
    },
  };
}

function backOffMs(fruitless: number): number {
  return Math.min(clientLimits.uploadRetryMaxMs, clientLimits.uploadRetryFirstMs * 2 ** (fruitless - 1));
}

function incomplete({ sha256, sizeBytes }: Upload, held: Held): TakoError {
  return new TakoError(
    'ARTIFACT_INCOMPLETE',
    `the server has ${held.offsetBytes} of ${sizeBytes} bytes of artifact ${sha256}`,
    {
      hint: 'Run the command again: it resumes where it stopped.',
      details: { sha256, sizeBytes, offsetBytes: held.offsetBytes },
    },
  );
}

function changed({ sha256, sizeBytes }: Upload, than: 'more' | 'fewer'): TakoError {
  return new TakoError(
    'ARTIFACT_HASH_MISMATCH',
    `the file of artifact ${sha256} has ${than} bytes than the ${sizeBytes} announced`,
    {
      hint: 'It changed while it was sent: run the command again.',
      details: { sha256, sizeBytes },
    },
  );
}
