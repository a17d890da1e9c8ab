// The byte-level face of the upstream client: what a lane that works on buffers uses directly, and what the
// header-list face (`upstream.types.ts`) is built on. Knows no header objects.
import type { ResponseHead } from '../h1/response-head.ts';
import type { RawHeaders, UpstreamFailure } from './upstream.types.ts';

/** A request whose head is already written. The object may be reused once its response has ended. */
export interface WireRequest {
  /** The whole head with its framing fields, the empty line included; latin1 where it is a string. Stays unchanged while the request is under way: a replay sends it again. */
  readonly head: Buffer | string;
  /** The method is HEAD: the response has no body. */
  readonly toHead: boolean;
  /** Body bytes follow by `write`, framed by the caller as the head says. */
  readonly hasBody: boolean;
  /** As in `UpstreamRequest.replayable`. */
  readonly replayable: boolean;
  readonly connectTimeoutMs: number;
  readonly headTimeoutMs: number;
  readonly bodyIdleTimeoutMs: number;
}

/**
 * Receives the events of one request; never called synchronously from `send`. Exactly one of `wireEnded` and
 * `wireFailed` comes last; nothing after it, nothing after `abort()`. Heads and bytes are valid during the call
 * only, unless `keepBuffer()` is called in it.
 */
export interface WireSink {
  /** The connection stands; once, first, only where a body is due. */
  readonly wireReady: () => void;
  readonly wireInterim: (head: ResponseHead, buffer: Buffer) => void;
  /** Where the response has no body, `wireEnded` follows in the same turn. */
  readonly wireHead: (head: ResponseHead, buffer: Buffer) => void;
  /** Data of the body, its framing checked and taken off. */
  readonly wireBody: (buffer: Buffer, start: number, end: number) => void;
  /** All that was read at once has been told: time to write what was gathered. Not told after the end. */
  readonly wirePause: () => void;
  readonly wireEnded: (trailers: RawHeaders) => void;
  readonly wireFailed: (failure: UpstreamFailure) => void;
  readonly wireDrained: () => void;
}

export interface WireCall {
  /** Framed body bytes; they must stay unchanged until written. False: wait for `wireDrained`. */
  readonly write: (bytes: Buffer) => boolean;
  /** Bytes given to `write` that the kernel has not taken: they are still referred to. */
  readonly bufferedBytes: () => number;
  /** The request body is complete. */
  readonly end: () => void;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly setIdleTimeout: (milliseconds: number) => void;
  /** The bytes being told now stay valid: the connection reads into another buffer from now on. */
  readonly keepBuffer: () => void;
  readonly abort: () => void;
}
