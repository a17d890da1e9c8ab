// From a Response to a ServerResponse: status, headers, and the body as fast as the client takes it.
import { type ServerResponse } from 'node:http';

/** The fetch standard, "null body status". */
const BODYLESS: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/** Belong to one connection (RFC 9110 §7.6.1), which here is node:http's to manage. */
const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'proxy-connection',
]);

type ReadResult = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>>;

/**
 * Resolves when the response was handed to the system, or the client has gone (then the body is cancelled).
 * Rejects when the body fails or contradicts its Content-Length; headers may have been sent by then.
 */
export async function sendResponse(response: Response, to: ServerResponse): Promise<void> {
  if (response.status < 200) throw new TypeError(`a handler cannot answer with status ${response.status}`);
  to.statusCode = response.status;
  if (response.statusText !== '') to.statusMessage = response.statusText;
  copyHeaders(response, to);
  const body = response.body;
  if (body === null || to.req.method === 'HEAD' || BODYLESS.has(response.status)) {
    await body?.cancel();
    to.end();
    return;
  }
  if (response.bodyUsed || body.locked)
    throw new TypeError('the handler returned a Response whose body was read already');
  to.strictContentLength = true;
  await sendBody(body, to);
}

function copyHeaders(response: Response, to: ServerResponse): void {
  // What fetch() returned is decoded, while its headers still describe the encoded form.
  const isDecoded = response.url !== '' && response.headers.has('content-encoding');
  for (const [name, value] of response.headers) {
    if (CONNECTION_HEADERS.has(name) || name === 'set-cookie') continue;
    if (isDecoded && (name === 'content-encoding' || name === 'content-length')) continue;
    to.setHeader(name, value);
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) to.setHeader('set-cookie', cookies);
}

async function sendBody(body: ReadableStream<Uint8Array>, to: ServerResponse): Promise<void> {
  const reader = body.getReader();
  const onGone = (): void => {
    // The source may refuse to be cancelled; nobody is left to be told.
    reader.cancel(new Error('the client has gone')).catch(() => undefined);
  };
  to.once('close', onGone);
  try {
    await pump(reader, to);
  } finally {
    to.off('close', onGone);
    if (to.destroyed) onGone();
  }
}

async function pump(reader: ReadableStreamDefaultReader<Uint8Array>, to: ServerResponse): Promise<void> {
  const first = checked(await reader.read());
  let next = first.done ? Promise.resolve(first) : reader.read();
  // A body that is whole by now (a string, a buffer) gets its length, and leaves in one piece.
  const isWhole = first.done || (await isDoneAtOnce(next));
  if (isWhole && !to.hasHeader('content-length'))
    to.setHeader('content-length', first.value?.byteLength ?? 0);
  if (isWhole || to.destroyed) {
    to.end(first.value);
    return;
  }
  await write(to, first.value);
  for (;;) {
    const chunk = checked(await next);
    if (chunk.done || to.destroyed) break;
    await write(to, chunk.value);
    next = reader.read();
  }
  to.end();
}

async function isDoneAtOnce(next: Promise<ReadResult>): Promise<boolean> {
  const later = new Promise<null>((resolve) => setImmediate(resolve, null));
  const winner = await Promise.race([next, later]).catch(() => null);
  return winner !== null && winner.done;
}

/** Apps in plain JavaScript do put strings into streams. */
function checked(result: ReadResult): ReadResult {
  const chunk: unknown = result.value;
  if (chunk !== undefined && !(chunk instanceof Uint8Array)) {
    throw new TypeError(`the response body carries a ${typeof chunk} where a Uint8Array is needed`);
  }
  return result;
}

/** Waits while the client is slower than the app. */
async function write(to: ServerResponse, chunk: Uint8Array | undefined): Promise<void> {
  if (chunk === undefined || chunk.byteLength === 0 || to.destroyed) return;
  if (to.write(chunk)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      to.off('drain', done).off('close', done);
      resolve();
    };
    to.once('drain', done).once('close', done);
  });
}
