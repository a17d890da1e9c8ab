// One HTTP/2 stream as an exchange sees it, whoever cuts its frames: the request's body on its way in, the response on its
// way out, and the ways in which it ends. Knows no policy.
import type { Duplex } from 'node:stream';
import type { HeaderEdits } from '../../headers/header-edits.ts';
import type { BodyReader } from '../../pipeline/exchange.ts';
import type { RawHeaders, UpstreamResponseHead } from '../../upstream/index.ts';
import type { ReceivedHead } from '../fast/fast-forward.ts';

export interface StreamListener {
  /** Of a stretch of the body, before the reader is told. */
  readonly bodyReceived: (bytes: number) => void;
  readonly bodyEnded: () => void;
  /** After `flush` said that the client is behind: it has caught up. */
  readonly drained: () => void;
  /** Once, last. */
  readonly closed: () => void;
}

/** A final response head. */
export interface OutgoingHead {
  readonly status: number;
  readonly head: Pick<UpstreamResponseHead, 'headers'>;
  /** The same where it is still the app's own bytes; null: a list it is. */
  readonly received: ReceivedHead | null;
  readonly edits: HeaderEdits;
  /** Trailers may follow a body whose length was not announced. */
  readonly mayHaveTrailers: boolean;
}

export interface ClientStream {
  /** Once, before anything else. */
  readonly listen: (listener: StreamListener) => void;

  /** Data octets of the request's body read so far. */
  readonly bytesIn: number;
  /** Nothing more comes. */
  readonly isRequestEnded: boolean;
  readonly isBeingRead: boolean;
  /** Once. Each chunk is a buffer of its own. */
  readonly readBody: (reader: BodyReader) => void;
  readonly pauseBody: () => void;
  readonly resumeBody: () => void;
  /** What still comes is read into the void. */
  readonly discardBody: () => void;

  /** Data octets of the response's body given so far. */
  readonly bytesOut: number;
  readonly isResponseBegun: boolean;
  /** 1xx; nothing where the stream is gone. */
  readonly informational: (status: number, headers: RawHeaders) => void;
  readonly begin: (head: OutgoingHead) => void;
  /** The bytes are valid during the call. */
  readonly body: (buffer: Buffer, start: number, end: number) => void;
  /** All that came at once was given. False: the client is behind, wait for `drained`. */
  readonly flush: () => boolean;
  readonly end: (trailers: RawHeaders) => void;

  /** RST_STREAM with INTERNAL_ERROR: the client notices that the response is not whole. */
  readonly reset: () => void;
  /** RST_STREAM with CANCEL: the client does not take what was answered. */
  readonly cancel: () => void;
  /** After `end`, with NO_ERROR: the rest of the request is not wanted (RFC 9113 §8.1). */
  readonly stopRequest: () => void;
  /** Closed without an error of either side. */
  readonly isClean: boolean;

  /** As a stream of octets both ways, for a tunnel: the same one each time. Its `answer` is instead of all that is above. */
  readonly toDuplex: () => TunnelStream;
}

export interface TunnelStream extends Duplex {
  /** It is over, whether or not all of it was read. */
  readonly isOver: () => boolean;
  /** Closed without an error of either side. */
  readonly isClean: () => boolean;
  /** `fields` begins with `:status`. */
  readonly answer: (fields: string[]) => void;
  /** Everything written was sent; nothing more is wanted. */
  readonly finish: () => void;
  /** RST_STREAM with CANCEL. */
  readonly cancel: () => void;
}
