// What a client asked for, as text and offsets of a recognised head. Knows no answer.
import type { FieldTable } from '../../h1/field-table.ts';
import type { RequestHead } from '../../h1/request-head.ts';
import { applyEdits, type HeaderEdits } from '../../headers/header-edits.ts';
import type { HeadSize } from '../../pipeline/exchange.ts';
import type { RawHeaders, UpstreamBody } from '../../upstream/index.ts';
import type { FastLaneParts } from './fast-lane-parts.ts';
import { findField, type HeadSource, listFields } from './head-text.ts';
import { appHead } from './message-heads.ts';

/** ` HTTP/1.1` and the line end. */
const versionBytes = ' HTTP/1.1\r\n'.length;

const noBody: UpstreamBody = Object.freeze({ kind: 'none' });
const chunkedBody: UpstreamBody = Object.freeze({ kind: 'chunked' });

export class ReceivedRequest implements HeadSource {
  readonly protocol = 'HTTP/1.1';
  readonly method: string;
  readonly target: string;
  readonly plainPath: string | null;
  readonly authority: string | null;
  readonly hostFields: number;
  readonly body: UpstreamBody;
  readonly upgrade = null;
  readonly refusal = null;
  /** The client wants the connection closed after the answer. */
  readonly clientCloses: boolean;
  readonly text: string;
  readonly fieldsStart: number;
  readonly keptFrom = 0;
  readonly fields: FieldTable;
  base: number;
  protected readonly parts: FastLaneParts;

  /** The head was recognised in `buffer` just now. */
  constructor(parts: FastLaneParts, buffer: Buffer) {
    const head = parts.requestHead;
    const base = head.start;
    const text = buffer.latin1Slice(base, head.headEnd);
    this.parts = parts;
    this.text = text;
    this.fieldsStart = head.targetEnd - base + versionBytes;
    this.fields = head.fields;
    this.base = base;
    this.method = methodOf(text, head.methodEnd - base);
    this.target = text.slice(head.targetStart - base, head.targetEnd - base);
    this.plainPath = head.pathIsPlain ? text.slice(head.targetStart - base, head.pathEnd - base) : null;
    this.hostFields = head.hostFields;
    this.authority = head.hostFields === 0 ? null : text.slice(head.hostStart - base, head.hostEnd - base);
    this.body = bodyOf(head);
    this.clientCloses = head.close;
    parts.headOwner = this;
  }

  header(name: string): string | undefined {
    return findField(this.#readable(), name);
  }

  headSize(): HeadSize {
    const { fields } = this.#readable();
    const longestLineBytes = Math.max(fields.longestLineBytes, this.fieldsStart);
    return { fields: fields.count, longestLineBytes, totalBytes: this.text.length };
  }

  upstreamHeaders(edits: HeaderEdits): RawHeaders {
    return applyEdits(listFields(this.#readable()), edits);
  }

  /** The head that an app is sent. */
  appHead(edits: HeaderEdits): string {
    const { method, body } = this;
    return appHead({ method, body, source: this.#readable(), edits, drops: this.parts.drops });
  }

  /** The table may have been used for another head since: then this one is recognised again. */
  #readable(): HeadSource {
    const { parts } = this;
    if (parts.headOwner !== this) {
      const buffer = Buffer.from(this.text, 'latin1');
      parts.requestHead.recognise(buffer, 0, buffer.length);
      parts.headOwner = this;
      this.base = 0;
    }
    return this;
  }
}

function bodyOf(head: RequestHead): UpstreamBody {
  if (head.chunked) return chunkedBody;
  return head.contentLength >= 0 ? { kind: 'sized', bytes: head.contentLength } : noBody;
}

/** The usual methods as constants: the same string for every request. */
function methodOf(text: string, end: number): string {
  if (end === 3 && text.startsWith('GET')) return 'GET';
  if (end === 4 && text.startsWith('POST')) return 'POST';
  if (end === 4 && text.startsWith('HEAD')) return 'HEAD';
  return text.slice(0, end);
}
