// What a client got from a connection, in a form in which two lanes can be compared: responses in order, without what
// differs by nature (dates, ids, ports) or means the same either way (keep-alive said or not, chunks).
import { ChunkScanner } from '../h1/chunk-scanner.ts';
import { ResponseHead } from '../h1/response-head.ts';

export interface ClientAnswer {
  readonly status: number;
  readonly reason: string;
  /** `name: value`, names lower-case, sorted. */
  readonly fields: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
  /** False: the connection ended before the response did. */
  readonly complete: boolean;
}

const head = new ResponseHead({ headBytesMax: 1e6, lineBytesMax: 1e6, fieldsMax: 500 });
/** `Trailer` only announces; the general lane cannot say it where nothing is chunked. */
const leftOut = new Set(['date', 'keep-alive', 'trailer', 'transfer-encoding', 'x-request-id']);

/** `methods` of the requests that they answer; none of those that are not told was HEAD. */
export function readAnswers(bytes: Buffer, methods: readonly string[] = []): ClientAnswer[] {
  const answers: ClientAnswer[] = [];
  let position = 0;
  let finals = 0;
  while (position < bytes.length) {
    head.toHead = methods[finals] === 'HEAD';
    if (head.recognise(bytes, position, bytes.length) !== 'complete') {
      answers.push({ ...nothing, body: bytes.toString('latin1', position) });
      return answers;
    }
    const { status, headEnd } = head;
    if (status >= 200) finals += 1;
    const framed = { status, reason: head.reasonPhrase(bytes), fields: fieldsOf(bytes) };
    const { body, trailers, complete, end } = readBody(bytes, headEnd);
    answers.push({ ...framed, body: withoutId(body), trailers, complete });
    position = end;
  }
  return answers;
}

const nothing: ClientAnswer = { status: 0, reason: '', fields: [], body: '', trailers: [], complete: false };

function fieldsOf(bytes: Buffer): string[] {
  const raw = head.fields.toRawHeaders(bytes);
  const fields: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    const value = raw[index + 1] ?? '';
    if (leftOut.has(name) || (name === 'connection' && value.toLowerCase() === 'keep-alive')) continue;
    fields.push(`${name}: ${value}`);
  }
  return fields.sort();
}

interface ReadBody {
  readonly body: string;
  readonly trailers: readonly string[];
  readonly complete: boolean;
  readonly end: number;
}

function readBody(bytes: Buffer, start: number): ReadBody {
  if (head.bodyKind === 'none') return { body: '', trailers: [], complete: true, end: start };
  if (head.bodyKind === 'chunked') return readChunks(bytes, start);
  const isSized = head.bodyKind === 'sized';
  const end = isSized ? Math.min(bytes.length, start + head.contentLength) : bytes.length;
  const complete = !isSized || end - start === head.contentLength;
  return { body: bytes.toString('latin1', start, end), trailers: [], complete, end };
}

function readChunks(bytes: Buffer, start: number): ReadBody {
  const chunks = new ChunkScanner();
  let body = '';
  let position = start;
  while (position < bytes.length && !chunks.done && !chunks.malformed) {
    position = chunks.scan(bytes, position, bytes.length);
    body += bytes.toString('latin1', chunks.dataStart, chunks.dataEnd);
  }
  return {
    body,
    trailers: chunks.done ? chunks.trailers() : [],
    complete: chunks.done,
    end: chunks.done ? position : bytes.length,
  };
}

/** Error pages carry the request id. */
const withoutId = (body: string): string =>
  body.replaceAll(/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g, 'ID');
