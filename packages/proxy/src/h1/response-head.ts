// Recognises the head of a response from an app, strictly (RFC 9112 §4, §6): what is ambiguous about its framing is
// malformed, since a response that means two things can be used to poison a connection. Pure; knows no socket.
import {
  byteAt,
  byteCr,
  byteLf,
  byteSp,
  equalsIgnoringCase,
  fieldValueByte,
  parseContentLength,
} from './bytes.ts';
import { connectionClose, connectionOther, readConnectionOptions } from './connection-options.ts';
import { fieldId } from './field-names.ts';
import {
  FieldTable,
  type FieldLimits,
  scanFields,
  scanIncomplete,
  scanMalformed,
  scanTooLarge,
} from './field-table.ts';

/** `untilClose`: the body ends with the connection (RFC 9112 §6.3 item 8). */
export type ResponseBodyKind = 'none' | 'sized' | 'chunked' | 'untilClose';

export type ResponseHeadOutcome = 'complete' | 'incomplete' | 'malformed';

export interface ResponseHeadLimits extends FieldLimits {
  readonly headBytesMax: number;
}

/** Offsets into the buffer of the last recognised head; valid as long as those bytes are. */
export class ResponseHead {
  readonly fields: FieldTable;
  start = 0;
  status = 0;
  /** Position of the first field line. */
  fieldsStart = 0;
  hasDate = false;
  /** False: the app spoke HTTP/1.0. */
  isVersion11 = true;
  reasonStart = 0;
  reasonEnd = 0;
  /** Position after the empty line. */
  headEnd = 0;
  bodyKind: ResponseBodyKind = 'none';
  /** Octets where `bodyKind` is `sized`; of a response without a body, what Content-Length told, or -1. */
  contentLength = -1;
  /** The app will take another request on this connection. */
  keepAlive = false;
  /** `Connection` names fields other than the usual: they go no further (RFC 9110 §7.6.1). */
  hasNominatedFields = false;
  /** Seconds of `Keep-Alive: timeout=`; -1 = not told. */
  keepAliveSeconds = -1;
  /** Why the head is malformed; a phrase for the log. */
  reason = '';
  /** Set before `recognise`: the response answers a HEAD request. */
  toHead = false;
  readonly #limits: ResponseHeadLimits;

  constructor(limits: ResponseHeadLimits) {
    this.#limits = limits;
    this.fields = new FieldTable(limits);
  }

  /** Recognises the head at `start`. All offsets are set anew where the outcome is `complete`. */
  recognise(buffer: Buffer, start: number, end: number): ResponseHeadOutcome {
    this.fields.reset();
    this.start = start;
    const fieldsStart = scanStatusLine(buffer, start, end, this);
    if (fieldsStart === scanIncomplete) return this.#incomplete(end - start);
    if (fieldsStart < 0) return malformed(this, 'status line');
    const headEnd = scanFields(buffer, fieldsStart, end, this.fields);
    if (headEnd === scanIncomplete) return this.#incomplete(end - start);
    if (headEnd < 0) return malformed(this, headEnd === scanTooLarge ? 'head too large' : 'field line');
    if (headEnd - start > this.#limits.headBytesMax) return malformed(this, 'head too large');
    this.headEnd = headEnd;
    this.fieldsStart = fieldsStart;
    this.isVersion11 = buffer[start + 7] !== 0x30;
    return readFraming(buffer, this);
  }

  #incomplete(bytes: number): ResponseHeadOutcome {
    return bytes > this.#limits.headBytesMax ? malformed(this, 'head too large') : 'incomplete';
  }

  reasonPhrase(buffer: Buffer): string {
    return buffer.latin1Slice(this.reasonStart, this.reasonEnd);
  }
}

function malformed(head: ResponseHead, reason: string): ResponseHeadOutcome {
  head.reason = reason;
  return 'malformed';
}

const versionPrefix = Buffer.from('HTTP/1.', 'latin1');
const statusLineBytesMin = 'HTTP/1.1 200'.length;

/** `HTTP/1.x SP 3DIGIT [SP reason] CRLF`; the space before an absent reason is often left out, harmlessly. */
function scanStatusLine(buffer: Buffer, start: number, end: number, head: ResponseHead): number {
  const known = Math.min(versionPrefix.length, end - start);
  for (let index = 0; index < known; index += 1)
    if (buffer[start + index] !== versionPrefix[index]) return scanMalformed;
  if (end - start < statusLineBytesMin) return scanIncomplete;
  const minor = byteAt(buffer, start + 7) - 0x30;
  if ((minor !== 0 && minor !== 1) || buffer[start + 8] !== byteSp) return scanMalformed;
  head.status = parseContentLength(buffer, start + 9, start + 12);
  if (head.status < 100 || head.status > 999) return scanMalformed;
  let position = start + statusLineBytesMin;
  if (position >= end) return scanIncomplete;
  if (buffer[position] === byteSp) position += 1;
  else if (buffer[position] !== byteCr) return scanMalformed;
  head.reasonStart = position;
  while (position < end && byteAt(fieldValueByte, byteAt(buffer, position)) === 1) position += 1;
  if (position >= end) return scanIncomplete;
  head.reasonEnd = position;
  if (buffer[position] !== byteCr) return scanMalformed;
  if (position + 1 >= end) return scanIncomplete;
  return buffer[position + 1] === byteLf ? position + 2 : scanMalformed;
}

function readFraming(buffer: Buffer, head: ResponseHead): ResponseHeadOutcome {
  const { fields } = head;
  let lengths = 0;
  let codings = 0;
  let options = 0;
  head.contentLength = -1;
  head.keepAliveSeconds = -1;
  head.hasDate = false;
  for (let index = 0; index < fields.count; index += 1) {
    const id = fields.ids[index] ?? 0;
    if (id === fieldId.other) continue;
    const from = fields.valueStart(index);
    const to = fields.valueEnd(index);
    if (id === fieldId.contentLength) {
      lengths += 1;
      head.contentLength = parseContentLength(buffer, from, to);
      if (head.contentLength < 0) return malformed(head, 'Content-Length');
    } else if (id === fieldId.transferEncoding) {
      codings += 1;
      if (!equalsIgnoringCase(buffer, from, to, 'chunked')) return malformed(head, 'Transfer-Encoding');
    } else if (id === fieldId.connection) {
      options |= readConnectionOptions(buffer, from, to);
    } else if (id === fieldId.date) {
      head.hasDate = true;
    } else if (id === fieldId.keepAlive) {
      head.keepAliveSeconds = readKeepAliveSeconds(buffer.latin1Slice(from, to));
    }
  }
  if (lengths > 1) return malformed(head, 'more than one Content-Length');
  if (codings > 1) return malformed(head, 'more than one Transfer-Encoding');
  if (codings > 0 && (lengths > 0 || !head.isVersion11))
    return malformed(head, 'Transfer-Encoding beside Content-Length or HTTP/1.0');
  head.hasNominatedFields = (options & connectionOther) !== 0;
  head.bodyKind = bodyKindOf(head, codings > 0);
  head.keepAlive = head.isVersion11 && (options & connectionClose) === 0 && head.bodyKind !== 'untilClose';
  return 'complete';
}

/** RFC 9112 §6.3, in its order. */
function bodyKindOf(head: ResponseHead, chunked: boolean): ResponseBodyKind {
  const { status } = head;
  if (head.toHead || status < 200 || status === 204 || status === 304) return 'none';
  if (chunked) return 'chunked';
  if (head.contentLength < 0) return 'untilClose';
  return head.contentLength === 0 ? 'none' : 'sized';
}

function readKeepAliveSeconds(value: string): number {
  const match = /(?:^|[,;\s])timeout=(\d{1,9})(?:$|[,;\s])/i.exec(value);
  return match === null ? -1 : Number(match[1]);
}
