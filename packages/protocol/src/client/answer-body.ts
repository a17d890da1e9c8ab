// The body of an answer: as one JSON value within a limit, or as a stream that a gate holds back. A server that gives no
// sign of life (not even pings) for too long is given up. Knows no procedure.
import type { IncomingMessage } from 'node:http';
import { TakoError } from '@tako/config/tako-error';
import { clientLimits } from '../limits.ts';
import { notTako, silent } from './connection-error.ts';
import type { FlowGate } from './flow-gate.ts';

export interface AnswerPlace {
  readonly socketPath: string;
  readonly silenceMaxMs: number;
}

/** Errors: SERVER_UNREACHABLE when it is no JSON; CONNECTION_LOST; what Node says of a broken connection. */
export async function readJson(answer: IncomingMessage, place: AnswerPlace): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(answer, place)) {
    bytes += chunk.length;
    if (bytes > clientLimits.answerBytesMax) throw tooLarge(answer);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw notTako(place.socketPath, cause);
  }
}

export interface GatedBody extends AnswerPlace {
  readonly gate: FlowGate;
  readonly signal: AbortSignal;
  /** The connection broke: the stream then ends, so that what was received is still read. */
  readonly onFailure: (cause: unknown) => void;
}

/** Errors with the signal's reason when it aborted; ends early, after `onFailure`, when the connection broke. */
export function gatedStream(answer: IncomingMessage, body: GatedBody): ReadableStream<Uint8Array> {
  const { gate, signal, onFailure } = body;
  const chunks = chunksOf(answer, body);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        await gate.open();
        try {
          const next = await chunks.next();
          if (next.done === true) {
            controller.close();
            return;
          }
          if (gate.received(next.value) > clientLimits.answerBytesMax) throw tooLarge(answer);
          controller.enqueue(next.value);
        } catch (cause) {
          if (signal.aborted) throw signal.reason;
          onFailure(cause);
          controller.close();
        }
      },
      cancel() {
        answer.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}

/** The chunks of an answer. Errors: CONNECTION_LOST after `silenceMaxMs` without one, while one is waited for. */
async function* chunksOf(
  answer: IncomingMessage,
  { socketPath, silenceMaxMs }: AnswerPlace,
): AsyncGenerator<Buffer, void, void> {
  const chunks: AsyncIterator<Buffer> = answer[Symbol.asyncIterator]();
  while (true) {
    const timer = setTimeout(() => answer.destroy(silent(socketPath, silenceMaxMs)), silenceMaxMs);
    const next = await chunks.next().finally(() => clearTimeout(timer));
    if (next.done === true) return;
    yield next.value;
  }
}

function tooLarge(answer: IncomingMessage): TakoError {
  answer.destroy();
  return new TakoError(
    'CONNECTION_LOST',
    `the server answers with more than ${clientLimits.answerBytesMax} bytes`,
    {
      hint: 'Ask for less: fewer lines or a single app.',
    },
  );
}
