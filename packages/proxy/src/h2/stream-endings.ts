// Ways to end an HTTP/2 stream early, of a client or of an app. Not `close(code)`: with a write under way that ends the
// stream properly before it resets it, and a broken message then looks whole (Node 26, seen on the wire).
import type { Http2Stream } from 'node:http2';
import { addAbortSignal } from 'node:stream';

/** RST_STREAM with INTERNAL_ERROR: the other side notices that the message is not whole. */
export function resetStream(stream: Http2Stream): void {
  stream.destroy(new Error('The response cannot be finished'));
}

/** RST_STREAM with CANCEL: nobody waits for the rest. */
export function cancelStream(stream: Http2Stream): void {
  addAbortSignal(AbortSignal.abort(), stream);
}
