// One DNS message over TCP (RFC 1035 §4.2.2) and its answer, with a deadline.
import { connect } from 'node:net';

export interface NameServer {
  readonly host: string;
  readonly port: number;
}

/** Rejects with Node's error, or when there is no whole answer in time. */
export function exchangeMessage(
  server: NameServer,
  message: Buffer,
  limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const where = `${server.host}:${server.port}`;
  const socket = connect({ host: server.host, port: server.port });
  const fail = (reason: string) => (): void => void socket.destroy(new Error(reason));
  const timer = setTimeout(
    fail(`${where} did not answer within ${limits.timeoutMs / 1_000} s`),
    limits.timeoutMs,
  );
  const abort = fail('stopped');
  limits.signal.addEventListener('abort', abort, { once: true });
  if (limits.signal.aborted) abort();
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < 2) return;
    const length = received.readUInt16BE(0);
    if (received.length >= length + 2) resolve(received.subarray(2, length + 2));
  });
  socket.on('error', reject);
  socket.on('close', () => reject(new Error(`${where} ended the connection without an answer`)));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  socket.write(Buffer.concat([length, message]));
  return promise.finally(() => {
    clearTimeout(timer);
    limits.signal.removeEventListener('abort', abort);
    socket.destroy();
  });
}
