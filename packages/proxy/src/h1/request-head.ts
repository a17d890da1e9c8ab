// Recognises the head of a request, strictly (RFC 9112 §3, §5, §6). It takes the canonical form only; other valid
// forms are `notCanonical` (another parser serves them), and what two parsers could frame differently is `refused`.
// Pure; offsets into the buffer, no strings, no header objects.
import {
  byteAt,
  byteCr,
  byteLf,
  byteSlash,
  byteSp,
  equalsIgnoringCase,
  lowerToken,
  parseContentLength,
  targetByte,
  targetQuery,
  targetTelling,
} from './bytes.ts';
import {
  connectionClose,
  connectionKeepAlive,
  connectionTe,
  readConnectionOptions,
} from './connection-options.ts';
import { fieldId } from './field-names.ts';
import { FieldTable, type FieldLimits, scanFields, scanIncomplete, scanTooLarge } from './field-table.ts';

/**
 * `incomplete`: more bytes are needed. `notCanonical`: valid for all we know, but not for this recogniser.
 * `refused`: its framing or its fields are ambiguous: answer 400 and close. `tooLarge`: over a limit: 431 and close.
 */
export type RequestHeadOutcome = 'recognised' | 'incomplete' | 'notCanonical' | 'refused' | 'tooLarge';

export interface RequestHeadLimits extends FieldLimits {
  readonly headBytesMax: number;
}

/** Answers of the line scanner instead of a position. */
const lineIncomplete = -1;
const lineOdd = -2;
const lineRefused = -3;

/** Connection options that the fast lane understands; any other nominates fields or asks to upgrade. */
const plainConnectionOptions = connectionClose | connectionKeepAlive | connectionTe;

export class RequestHead {
  readonly fields: FieldTable;
  start = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  pathEnd = 0;
  /** No escapes and no segment that begins with a dot: the path means what it says. */
  pathIsPlain = true;
  /** Position after the empty line. */
  headEnd = 0;
  /** -1 = no Content-Length. */
  contentLength = -1;
  chunked = false;
  /** The client wants the connection closed after the response. */
  close = false;
  hostFields = 0;
  /** Bounds of the (last) Host value. */
  hostStart = 0;
  hostEnd = 0;
  /** Why it was refused or not canonical; a phrase for the log. */
  reason = '';
  readonly #limits: RequestHeadLimits;

  constructor(limits: RequestHeadLimits) {
    this.#limits = limits;
    this.fields = new FieldTable(limits);
  }

  get hasBody(): boolean {
    return this.chunked || this.contentLength > 0;
  }

  /** Recognises the head at `start`. Offsets are set anew where the outcome is `recognised`. */
  recognise(buffer: Buffer, start: number, end: number): RequestHeadOutcome {
    this.fields.reset();
    this.start = start;
    const fieldsStart = scanRequestLine(buffer, start, end, this);
    if (fieldsStart < 0) return this.#lineOutcome(fieldsStart, end - start);
    if (fieldsStart - start > this.#limits.lineBytesMax) return this.#outcome('tooLarge', 'request line');
    const headEnd = scanFields(buffer, fieldsStart, end, this.fields);
    if (headEnd === scanIncomplete) {
      return end - start > this.#limits.headBytesMax ? this.#outcome('tooLarge', 'head') : 'incomplete';
    }
    if (headEnd === scanTooLarge) return this.#outcome('tooLarge', 'fields');
    if (headEnd < 0) return this.#outcome('refused', 'field line');
    if (headEnd - start > this.#limits.headBytesMax) return this.#outcome('tooLarge', 'head');
    this.headEnd = headEnd;
    return this.#readFields(buffer);
  }

  #lineOutcome(answer: number, bytes: number): RequestHeadOutcome {
    if (answer === lineOdd) return this.#outcome('notCanonical', 'request line');
    if (answer === lineRefused) return this.#outcome('refused', 'request line');
    return bytes > this.#limits.lineBytesMax ? this.#outcome('tooLarge', 'request line') : 'incomplete';
  }

  #outcome(outcome: RequestHeadOutcome, reason: string): RequestHeadOutcome {
    this.reason = reason;
    return outcome;
  }

  #readFields(buffer: Buffer): RequestHeadOutcome {
    const { fields } = this;
    let codings = 0;
    let lengths = 0;
    let options = 0;
    let odd = fields.oddSpacing ? 'white space around a value' : '';
    this.contentLength = -1;
    this.hostFields = 0;
    for (let index = 0; index < fields.count; index += 1) {
      const id = fields.ids[index] ?? 0;
      if (id === fieldId.other) continue;
      const from = fields.valueStart(index);
      const to = fields.valueEnd(index);
      if (id === fieldId.host) {
        this.hostFields += 1;
        this.hostStart = from;
        this.hostEnd = to;
      } else if (id === fieldId.connection) {
        options |= readConnectionOptions(buffer, from, to);
      } else if (id === fieldId.contentLength) {
        lengths += 1;
        this.contentLength = parseContentLength(buffer, from, to);
        if (this.contentLength < 0) return this.#outcome('refused', 'Content-Length');
      } else if (id === fieldId.transferEncoding) {
        codings += 1;
        if (!equalsIgnoringCase(buffer, from, to, 'chunked'))
          return this.#outcome('refused', 'Transfer-Encoding');
      } else if (id === fieldId.expect || id === fieldId.upgrade || id === fieldId.http2Settings) {
        odd = 'Expect or Upgrade';
      }
    }
    if (lengths > 1) return this.#outcome('refused', 'more than one Content-Length');
    if (codings > 1) return this.#outcome('refused', 'more than one Transfer-Encoding');
    if (codings > 0 && lengths > 0)
      return this.#outcome('refused', 'Content-Length beside Transfer-Encoding');
    if ((options & ~plainConnectionOptions) !== 0) odd = 'Connection options';
    if (odd !== '') return this.#outcome('notCanonical', odd);
    this.chunked = codings > 0;
    this.close = (options & connectionClose) !== 0;
    return 'recognised';
  }
}

const bytePercent = 0x25;
const versionBytes = Buffer.from('HTTP/1.1\r\n', 'latin1');
const connectMethod = Buffer.from('CONNECT', 'latin1');

/** `method SP target SP HTTP/1.1 CRLF`, one space each; the target in origin form. */
function scanRequestLine(buffer: Buffer, start: number, end: number, head: RequestHead): number {
  let position = start;
  while (position < end && byteAt(lowerToken, byteAt(buffer, position)) !== 0) position += 1;
  if (position >= end) return lineIncomplete;
  // A leading empty line may be skipped (RFC 9112 §2.2): the other parser does. Anything else is no method.
  if (position === start) return buffer[position] === byteCr ? lineOdd : lineRefused;
  if (buffer[position] !== byteSp) return isLineBreak(buffer[position]) ? lineRefused : lineOdd;
  head.methodEnd = position;
  position += 1;
  head.targetStart = position;
  if (position >= end) return lineIncomplete;
  // Absolute form, `*`, CONNECT's authority (RFC 9112 §3.2).
  if (buffer[position] !== byteSlash) return lineOdd;
  position = scanPath(buffer, position, end, head);
  while (position < end && byteAt(targetByte, byteAt(buffer, position)) !== 0) position += 1;
  if (position >= end) return lineIncomplete;
  if (buffer[position] !== byteSp) return isLineBreak(buffer[position]) ? lineRefused : lineOdd;
  head.targetEnd = position;
  return scanVersion(buffer, position + 1, end, head);
}

/** To the query, or to the first byte that is no target's. */
function scanPath(buffer: Buffer, start: number, end: number, head: RequestHead): number {
  let position = start;
  let kind = 0;
  head.pathIsPlain = true;
  while (
    position < end &&
    (kind = byteAt(targetByte, byteAt(buffer, position))) !== 0 &&
    kind !== targetQuery
  ) {
    // An escape, or a segment that begins with a dot.
    if (kind === targetTelling && (buffer[position] === bytePercent || buffer[position - 1] === byteSlash)) {
      head.pathIsPlain = false;
    }
    position += 1;
  }
  head.pathEnd = position;
  return position;
}

function scanVersion(buffer: Buffer, start: number, end: number, head: RequestHead): number {
  const available = Math.min(versionBytes.length, end - start);
  for (let index = 0; index < available; index += 1) {
    if (buffer[start + index] === versionBytes[index]) continue;
    // Bare LF, or CR without LF: parsers differ about where that line ends.
    return isLineBreak(buffer[start + index]) || index === versionBytes.length - 1 ? lineRefused : lineOdd;
  }
  if (available < versionBytes.length) return lineIncomplete;
  const isConnect =
    head.methodEnd - head.start === connectMethod.length &&
    connectMethod.compare(buffer, head.start, head.methodEnd) === 0;
  return isConnect ? lineOdd : start + versionBytes.length;
}

const isLineBreak = (byte: number | undefined): boolean => byte === byteLf || byte === byteCr || byte === 0;
