// The two heads that the fast lane writes: the request's, for an app, and the response's, for a client. Start line and
// framing are our own (RFC 9112 §6), fields are what policy left and added. Knows no socket.
import type { ResponseHead } from '../../h1/response-head.ts';
import { applyEdits, fieldLines, type HeaderEdits } from '../../headers/header-edits.ts';
import { areFieldsSafe, requestFraming } from '../../upstream/request-head.ts';
import type { UpstreamBody, UpstreamResponseHead } from '../../upstream/upstream.types.ts';
import type { DateText } from './date-text.ts';
import { editedFields, type DropTables, type HeadSource } from './head-text.ts';

export interface AppHeadInput {
  readonly method: string;
  readonly body: UpstreamBody;
  readonly source: HeadSource;
  readonly edits: HeaderEdits;
  readonly drops: DropTables;
}

/** The request line is canonical, or this lane would not have the request: it goes on as it came. */
export function appHead({ method, body, source, edits, drops }: AppHeadInput): string {
  return `${editedFields(source, edits, drops)}${requestFraming(method, body)}\r\n`;
}

export interface ClientHeadInput {
  readonly head: ResponseHead;
  /** The buffer that it was recognised in. */
  readonly buffer: Buffer;
  readonly edits: HeaderEdits;
  readonly drops: DropTables;
  readonly date: DateText;
  /** The connection ends with this response. */
  readonly closes: boolean;
}

export function clientHead({ head, buffer, edits, drops, date, closes }: ClientHeadInput): string {
  const base = head.start;
  const text = buffer.latin1Slice(base, head.headEnd);
  const fieldsStart = head.fieldsStart - base;
  // An app that speaks HTTP/1.0 is answered for in HTTP/1.1.
  const keptFrom = head.isVersion11 ? 0 : fieldsStart;
  const fields = editedFields({ text, base, fields: head.fields, fieldsStart, keptFrom }, edits, drops);
  return (
    (head.isVersion11 ? fields : `HTTP/1.1 ${head.status} ${head.reasonPhrase(buffer)}\r\n${fields}`) +
    // RFC 9110 §6.6.1: a message without Date gets one when it is forwarded.
    (head.hasDate ? responseFraming(head) : `Date: ${date.now()}\r\n${responseFraming(head)}`) +
    (closes ? 'Connection: close\r\n\r\n' : '\r\n')
  );
}

export interface ListedHeadInput {
  readonly head: UpstreamResponseHead;
  readonly edits: HeaderEdits;
  readonly date: DateText;
  readonly closes: boolean;
}

const ownFraming = ['content-length', 'transfer-encoding'] as const;

/** Of an app that speaks HTTP/2. Throws where a field cannot stand in a head of HTTP/1.1. */
export function clientHeadOfLists({ head, edits, date, closes }: ListedHeadInput): string {
  const { status, body } = head;
  const drop = new Set([...edits.drop, ...ownFraming]);
  // RFC 9110 §6.6.2: nothing follows a body whose length is told.
  if (body.kind !== 'chunked') drop.add('trailer');
  const fields = applyEdits(head.headers, { ...edits, drop });
  if (!areFieldsSafe(fields)) throw new Error('a field of the response cannot be written in HTTP/1.1');
  return (
    `HTTP/1.1 ${status} ${head.statusMessage}\r\n${fieldLines(fields)}` +
    (head.field('date') === undefined ? `Date: ${date.now()}\r\n` : '') +
    listedFraming(head) +
    (closes ? 'Connection: close\r\n\r\n' : '\r\n')
  );
}

function listedFraming({ status, body, field }: UpstreamResponseHead): string {
  if (body.kind === 'sized') return `Content-Length: ${body.bytes}\r\n`;
  if (body.kind === 'chunked') return 'Transfer-Encoding: chunked\r\n';
  const length = field('content-length') ?? '';
  return /^\d{1,15}$/.test(length) && status !== 204 ? `Content-Length: ${length}\r\n` : '';
}

/** A client of the fast lane speaks HTTP/1.1: what lasts until the app's connection ends is chunked for it. */
function responseFraming(head: ResponseHead): string {
  if (head.bodyKind === 'sized') return `Content-Length: ${head.contentLength}\r\n`;
  if (head.bodyKind !== 'none') return 'Transfer-Encoding: chunked\r\n';
  // The answer to HEAD and 304 may tell the length (RFC 9110 §8.6), 204 must not; an empty body is told as such.
  return head.contentLength >= 0 && head.status !== 204 ? `Content-Length: ${head.contentLength}\r\n` : '';
}
