// What clients of HTTP/2 may send, well-formed and not, as scripts of frames: the grammar that both framers are run over.
import * as fc from 'fast-check';
import { endHeaders, endStream, fieldBlock, frame, frameType } from '../conformance/http2-frames.ts';
import { testHost } from '../conformance/test-plane.ts';

export interface Step {
  /** For whoever reads a difference. */
  readonly label: string;
  readonly octets: Buffer;
  /** Stream of a request with a field that no message may have (RFC 9113 §8.2.1). */
  readonly hasUnsoundField?: number;
}

const padded = 0x8;
const priority = 0x20;
const pushPromise = 5;
const unknownType = 0x42;

const fieldsOf = (list: readonly (readonly [string, string])[]): Buffer =>
  Buffer.concat(list.map(([name, value]) => fieldBlock({ [name]: value })));

const words = (...values: number[]): Buffer =>
  Buffer.concat(values.map((value) => Buffer.from(value.toString(16).padStart(8, '0'), 'hex')));

const streamId = fc.constantFrom(1, 1, 3, 5, 7);
const anyStream = fc.constantFrom(1, 1, 1, 1, 3, 3, 5, 7, 0, 2, 101);

const step = (label: string, octets: Buffer): Step => ({ label, octets });

const usual = (stream: number, method: string): (readonly [string, string])[] => [
  [':method', method],
  [':scheme', 'http'],
  [':path', `/s${stream}`],
  [':authority', testHost],
];

/** Fields that a request may have besides: proper, odd and hostile. */
const moreFields: readonly (readonly [string, string])[] = [
  ['x-a', 'b'], ['x-empty', ''], ['x-octets', 'voil\u00c3\u00a0'], ['cookie', 'a=1'], ['te', 'trailers'], ['te', 'gzip'], ['expect', '100-continue'], ['expect', 'else'],
  ['host', testHost], ['host', 'other.example.com'], ['content-length', '3'], ['content-length', '0'], ['content-length', '5'], ['content-length', '+3'],
  ['connection', 'close'], ['keep-alive', '1'], ['proxy-connection', 'close'], ['transfer-encoding', 'chunked'], ['upgrade', 'h2c'], ['X-Upper', '1'],
  ['x a', 'b'], ['', 'x'], ['x-a:', 'b'], ['x-a', 'b\r\nc: d'], ['x-a', 'b\0'], ['x-a', ' b'], ['x-a', 'b\t'], ['x-a', '\u0001'],
  [':path', '/again'], [':status', '200'], [':unknown', 'x'], [':protocol', 'websocket'], ['x_under', '1'],
]; // prettier-ignore

/** By name and value, whatever the request: no field of any message (RFC 9113 §8.2.1). */
const isUnsound = ([name, value]: readonly [string, string]): boolean =>
  !/^:?[!#$%&'*+\-.^_`|~\da-z]+$/.test(name) ||
  (!name.startsWith(':') && !/^(?:[!-~\u0080-\u00ff]+)?$/.test(value));

/** What stands in place of a usual pseudo-header field; null: nothing does. */
const instead: readonly (readonly [string, string | null])[] = [
  [':method', null], [':scheme', null], [':path', null], [':authority', null], [':method', ''], [':method', 'G T'], [':method', 'CONNECT'], [':method', 'get'],
  [':scheme', 'https'], [':scheme', 'ftp'], [':scheme', ''], [':path', ''], [':path', 'x'], [':path', '*'], [':path', '/a b'], [':path', '/a\r\nb'], [':path', '/?\u00e9'],
  [':authority', ''], [':authority', 'a@b'], [':authority', 'x.example.org'], [':authority', `${testHost}:1`],
]; // prettier-ignore

const block = fc
  .record({
    stream: streamId,
    method: fc.constantFrom('GET', 'GET', 'POST', 'HEAD', 'OPTIONS'),
    more: fc.array(fc.constantFrom(...moreFields), { maxLength: 2 }),
    other: fc.option(fc.constantFrom(...instead), { freq: 3 }),
    isLate: fc.constantFrom(false, false, false, false, true),
  })
  .map(({ stream, method, more, other, isLate }) => {
    const pseudo = usual(stream, method).flatMap(([name, value]) => {
      if (other?.[0] !== name) return [[name, value] as const];
      return other[1] === null ? [] : [[name, other[1]] as const];
    });
    const list = isLate ? [...more, ...pseudo] : [...pseudo, ...more];
    const unsound = more.some(isUnsound) ? { hasUnsoundField: stream } : {};
    return { stream, list, unsound, text: JSON.stringify([method, other, more, isLate]) };
  });

const request = fc
  .tuple(block, fc.boolean(), fc.constantFrom('whole', 'whole', 'whole', 'cut', 'torn', 'padded', 'ranked'))
  .map(([{ stream, list, unsound, text }, isWhole, form]) => {
    const flags = isWhole ? endStream : 0;
    const octets = fieldsOf(list);
    const head = (more: number, payload: Buffer): Buffer =>
      frame(frameType.headers, flags | more, stream, payload);
    const label = `HEADERS ${stream} ${form}${isWhole ? ' end' : ''} ${text}`;
    const asStep = (frames: Buffer): Step => ({ label, octets: frames, ...unsound });
    if (form === 'whole') return asStep(head(endHeaders, octets));
    if (form === 'padded')
      return asStep(head(endHeaders | padded, Buffer.concat([Buffer.from([3]), octets, Buffer.alloc(3)])));
    if (form === 'ranked')
      return asStep(head(endHeaders | priority, Buffer.concat([words(0), Buffer.from([1]), octets])));
    const rest = frame(frameType.continuation, endHeaders, stream, octets.subarray(9));
    const between = form === 'torn' ? frame(frameType.ping, 0, 0, Buffer.alloc(8)) : Buffer.alloc(0);
    return asStep(Buffer.concat([head(0, octets.subarray(0, 9)), between, rest]));
  });

const data = fc
  .tuple(
    anyStream,
    fc.constantFrom('', 'abc', 'ab', 'abcde'),
    fc.boolean(),
    fc.constantFrom(-1, -1, -1, 0, 2, 200),
  )
  .map(([stream, text, isLast, padding]) => {
    const flags = (isLast ? endStream : 0) | (padding < 0 ? 0 : padded);
    const body = Buffer.from(text);
    const payload =
      padding < 0
        ? body
        : Buffer.concat([Buffer.from([padding]), body, Buffer.alloc(padding > 100 ? 0 : padding)]);
    return step(
      `DATA ${stream} ${text}${isLast ? ' end' : ''} padding ${padding}`,
      frame(frameType.data, flags, stream, payload),
    );
  });

const trailers = fc
  .tuple(streamId, fc.constantFrom(endStream, endStream, 0), fc.constantFrom(...moreFields))
  .map(([stream, flags, field]) =>
    step(
      `trailers ${stream} ${flags} ${JSON.stringify(field)}`,
      frame(frameType.headers, flags | endHeaders, stream, fieldsOf([field])),
    ),
  );

const windowUpdate = fc
  .tuple(anyStream, fc.constantFrom(0, 1, 2 ** 31 - 1))
  .map(([stream, more]) =>
    step(`WINDOW_UPDATE ${stream} ${more}`, frame(frameType.windowUpdate, 0, stream, words(more))),
  );

const settings = fc
  .tuple(
    fc.constantFrom(1, 2, 3, 4, 5, 6, 8, 0x99),
    fc.constantFrom(0, 1, 2, 100, 16_384, 65_535, 2 ** 31),
    fc.constantFrom(6, 6, 6, 5),
  )
  .map(([id, value, bytes]) => {
    const entry = Buffer.concat([Buffer.from([0, id]), words(value)]);
    return step(
      `SETTINGS ${id}=${value} of ${bytes}`,
      frame(frameType.settings, 0, 0, entry.subarray(0, bytes)),
    );
  });

const other = fc
  .tuple(
    fc.constantFrom<readonly [string, number, number, Buffer]>(
      ['RST_STREAM', frameType.rstStream, 0, words(8)],
      ['RST_STREAM short', frameType.rstStream, 0, Buffer.alloc(3)],
      ['PRIORITY', frameType.priority, 0, Buffer.from('0000000901', 'hex')],
      ['PING', frameType.ping, 0, Buffer.alloc(8)],
      ['PING ack', frameType.ping, 1, Buffer.alloc(8)],
      ['PING short', frameType.ping, 0, Buffer.alloc(7)],
      ['GOAWAY', frameType.goaway, 0, words(0, 0)],
      ['PUSH_PROMISE', pushPromise, endHeaders, words(2)],
      ['unknown', unknownType, 0xff, Buffer.from('anything')],
      ['CONTINUATION', frameType.continuation, endHeaders, Buffer.alloc(0)],
      ['SETTINGS ack', frameType.settings, 1, Buffer.alloc(0)],
      ['SETTINGS ack of octets', frameType.settings, 1, Buffer.alloc(6)],
      ['too large', frameType.data, 0, Buffer.alloc(16_385)],
    ),
    anyStream,
  )
  .map(([[name, type, flags, payload], stream]) => {
    const isOfConnection =
      type === frameType.ping || type === frameType.goaway || type === frameType.settings;
    return step(
      `${name} ${isOfConnection ? 0 : stream}`,
      frame(type, flags, isOfConnection ? 0 : stream, payload),
    );
  });

/** Requests mostly, one of them first, so that what is odd has something to be odd about. */
export const script: fc.Arbitrary<Step[]> = fc
  .tuple(
    request,
    fc.array(
      fc.oneof(
        { weight: 6, arbitrary: request },
        { weight: 3, arbitrary: data },
        { weight: 1, arbitrary: trailers },
        { weight: 1, arbitrary: windowUpdate },
        { weight: 1, arbitrary: settings },
        { weight: 1, arbitrary: other },
      ),
      { maxLength: 4 },
    ),
  )
  .map(([first, rest]) => [first, ...rest]);
