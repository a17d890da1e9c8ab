// What the tests of a connection have a client send, and how a stream answers it.
import {
  endHeaders,
  endStream,
  fieldBlock,
  frame,
  frameType,
  preface,
  usualFields,
} from '../../../../conformance/http2-frames.ts';
import type { StreamListener } from '../../client-stream.ts';
import type { ServerStream } from '../server-stream.ts';

/** The preface and empty SETTINGS. */
export const begin = Buffer.concat([Buffer.from(preface, 'latin1'), frame(frameType.settings, 0, 0)]);

/** GET ends its stream, any other method leaves it open. */
export const request = (stream: number, method = 'GET'): Buffer => {
  const block = fieldBlock({ ...usualFields('a.example'), ':method': method });
  return frame(frameType.headers, method === 'GET' ? endHeaders | endStream : endHeaders, stream, block);
};

export const listener = (more: Partial<StreamListener> = {}): StreamListener => ({
  bodyReceived: () => undefined,
  bodyEnded: () => undefined,
  drained: () => undefined,
  closed: () => undefined,
  ...more,
});

export const noEdits = { drop: new Set<string>(), add: [] };

export function answer(stream: ServerStream, body: string | Buffer = ''): void {
  const head = { headers: [] };
  stream.begin({ status: 200, head, received: null, edits: noEdits, mayHaveTrailers: false });
  stream.body(Buffer.from(body), 0, body.length);
  stream.end([]);
}
