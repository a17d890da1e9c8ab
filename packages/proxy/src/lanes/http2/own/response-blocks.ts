// Heads of responses as HPACK field blocks: the app's own bytes looked up line by line among those encoded before, lists
// encoded as they are. Knows no stream.
import type { FieldTable } from '../../../h1/field-table.ts';
import { type HpackEncoder } from '../../../h2/hpack/index.ts';
import type { FieldBlock, HeaderEdits } from '../../../headers/header-edits.ts';
import { responseFieldsDropped } from '../../../headers/hop-by-hop.ts';
import type { RawHeaders } from '../../../upstream/index.ts';
import type { DateText } from '../../fast/date-text.ts';
import type { ReceivedHead } from '../../fast/fast-forward.ts';
import type { OutgoingHead } from '../client-stream.ts';
import { isKeptInResponse, responseFields } from '../field-lists.ts';
import type { FieldOctets } from './session-output.ts';

/** A line that no client gets. */
const dropped = Buffer.alloc(0);
const linesMax = 512;
/** Another one in each response. */
const idName = 'x-request-id';
const lineCharsMax = 256;

export class ResponseBlocks {
  readonly #encoder: HpackEncoder;
  readonly #date: DateText;
  /** By a field line of an app as it came, with what policy always drops left out: two generations. */
  #lines = new Map<string, Buffer>();
  #olderLines = new Map<string, Buffer>();
  readonly #blocks = new WeakMap<FieldBlock, readonly Buffer[]>();
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  constructor(encoder: HpackEncoder, date: DateText) {
    this.#encoder = encoder;
    this.#date = date;
  }

  /** Of a final response. Valid until the next one is asked for. */
  head({ status, head, received, edits }: OutgoingHead): FieldOctets {
    this.#begin(status);
    // What the app's own `Connection` names is dropped in addition: rare, and not worth keeping.
    if (received !== null && edits.drop === responseFieldsDropped) this.#received(received, edits);
    else this.#list(responseFields(status, head.headers, edits).slice(2));
    return this.#whole();
  }

  interim(status: number, headers: RawHeaders): FieldOctets {
    this.#begin(status);
    this.#encode(headers);
    return this.#whole();
  }

  /** `fields` begins with `:status`. */
  list(fields: RawHeaders): FieldOctets {
    this.#begin(Number(fields[1]));
    this.#list(fields.slice(2));
    return this.#whole();
  }

  trailers(headers: RawHeaders): FieldOctets {
    this.#parts.length = 0;
    this.#bytes = 0;
    this.#encode(headers);
    return this.#whole();
  }

  #begin(status: number): void {
    this.#parts.length = 0;
    this.#bytes = 0;
    this.#push(this.#encoder.status(status));
  }

  #whole(): FieldOctets {
    return { parts: this.#parts, bytes: this.#bytes };
  }

  #push(octets: Buffer): void {
    this.#parts.push(octets);
    this.#bytes += octets.length;
  }

  /** RFC 9110 §6.6.1: a response without Date gets one when it is forwarded. */
  #list(headers: RawHeaders): void {
    this.#encode(headers);
    for (let index = 0; index < headers.length; index += 2)
      if ((headers[index] ?? '').toLowerCase() === 'date') return;
    this.#push(this.#encoder.field('date', this.#date.now()));
  }

  #received({ head, buffer }: ReceivedHead, edits: HeaderEdits): void {
    const { fields, status } = head;
    for (let index = 0; index < fields.count; index += 1) {
      const line = buffer.latin1Slice(fields.nameStart(index), fields.valueEnd(index));
      const octets = this.#lines.get(line) ?? this.#line(line, shapeOf(fields, index));
      if (octets === dropped || (status === 204 && isLength(line))) continue;
      this.#push(octets);
    }
    if (!head.hasDate) this.#push(this.#encoder.field('date', this.#date.now()));
    if (edits.block !== undefined) for (const octets of this.#blockOctets(edits.block)) this.#push(octets);
    this.#encode(edits.add);
  }

  #line(line: string, shape: LineShape): Buffer {
    const older = this.#olderLines.get(line);
    const octets = older ?? this.#lineOctets(line, shape);
    if (line.length > lineCharsMax || line.toLowerCase().startsWith('set-cookie:')) return octets;
    if (this.#lines.size >= linesMax) {
      this.#olderLines = this.#lines;
      this.#lines = new Map();
    }
    this.#lines.set(line, octets);
    return octets;
  }

  #lineOctets(line: string, { nameChars, valueAt }: LineShape): Buffer {
    const name = line.slice(0, nameChars).toLowerCase();
    if (!isKeptInResponse(name, responseFieldsDropped)) return dropped;
    return this.#encoder.field(name, line.slice(valueAt));
  }

  #blockOctets(block: FieldBlock): readonly Buffer[] {
    const known = this.#blocks.get(block);
    if (known !== undefined) return known;
    const octets: Buffer[] = [];
    for (let index = 0; index + 1 < block.list.length; index += 2)
      octets.push(this.#encoder.field((block.list[index] ?? '').toLowerCase(), block.list[index + 1] ?? ''));
    this.#blocks.set(block, octets);
    return octets;
  }

  #encode(headers: RawHeaders): void {
    for (let index = 0; index + 1 < headers.length; index += 2) {
      const name = (headers[index] ?? '').toLowerCase();
      const value = headers[index + 1] ?? '';
      this.#push(name === idName ? this.#encoder.once(name, value) : this.#encoder.field(name, value));
    }
  }
}

const isLength = (line: string): boolean => line.slice(0, 15).toLowerCase() === 'content-length:';

/** Where name and value stand in a line; white space around them is none of theirs, as the parser saw it. */
interface LineShape {
  readonly nameChars: number;
  readonly valueAt: number;
}

const shapeOf = (fields: FieldTable, index: number): LineShape => ({
  nameChars: fields.nameEnd(index) - fields.nameStart(index),
  valueAt: fields.valueStart(index) - fields.nameStart(index),
});
