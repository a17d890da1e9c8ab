// Fuzz target: what the request recogniser accepts is exactly what a naive reading of the grammar gives, and no
// division of the input changes the verdict.
import assert from 'node:assert/strict';
import { RequestHead, type RequestHeadOutcome } from '../h1/request-head.ts';
import type { FuzzTarget } from './fuzz-target.ts';

const limits = { headBytesMax: 4096, lineBytesMax: 1024, fieldsMax: 20 };

const corpus = [
  'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n',
  'GET /a/b?c=d%20e HTTP/1.1\r\nHost: a:80\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n',
  'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello',
  'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: a=b; c=d\r\nX-Empty:\r\n\r\n',
  'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
].map((text) => Buffer.from(text, 'latin1'));

const head = new RequestHead(limits);

export const requestHeadTarget: FuzzTarget = {
  name: 'request head',
  corpus,
  check: (bytes, mutator) => {
    const outcome = head.recognise(bytes, 0, bytes.length);
    if (outcome === 'recognised') checkAgainstNaiveReading(bytes);
    const pieces = mutator.split(bytes, 24);
    assertSameVerdict(outcome, verdictOver(pieces));
  },
};

/** The first verdict that is not `incomplete`, over a growing input. */
function verdictOver(pieces: readonly Buffer[]): RequestHeadOutcome {
  let all = Buffer.alloc(0);
  let outcome: RequestHeadOutcome = 'incomplete';
  for (const piece of pieces) {
    all = Buffer.concat([all, piece]);
    outcome = head.recognise(all, 0, all.length);
    if (outcome !== 'incomplete') return outcome;
  }
  return outcome;
}

function assertSameVerdict(whole: RequestHeadOutcome, divided: RequestHeadOutcome): void {
  // Over a limit the scan of a longer input may meet something worse first; both refuse.
  const rejects = (outcome: RequestHeadOutcome): boolean => outcome === 'tooLarge' || outcome === 'refused';
  if (rejects(whole) && rejects(divided)) return;
  assert.equal(divided, whole);
}

function checkAgainstNaiveReading(bytes: Buffer): void {
  const text = bytes.toString('latin1');
  const headEnd = text.indexOf('\r\n\r\n') + 4;
  assert.equal(head.headEnd, headEnd);
  const [requestLine = '', ...lines] = text.slice(0, headEnd - 4).split('\r\n');
  const [method, target, version, ...rest] = requestLine.split(' ');
  assert.deepEqual(rest, []);
  assert.equal(version, 'HTTP/1.1');
  assert.match(method ?? '', /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/);
  assert.match(target ?? '', /^\/[\u0021-\u007e]*$/);
  assert.equal(text.slice(head.targetStart, head.targetEnd), target);
  const raw = head.fields.toRawHeaders(bytes);
  assert.equal(raw.length, lines.length * 2);
  const named = (name: string): string[] =>
    raw.filter((_, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === name);
  for (const [index, line] of lines.entries()) {
    const colon = line.indexOf(':');
    assert.equal(raw[index * 2], line.slice(0, colon));
    assert.equal(raw[index * 2 + 1], line.slice(colon + 1).replace(/^ /, ''));
    assert.doesNotMatch(line, /[\0\n\r\u007f]/);
  }
  const lengths = named('content-length');
  const codings = named('transfer-encoding');
  assert.ok(lengths.length + codings.length <= 1);
  assert.equal(head.contentLength, lengths.length === 1 ? Number(lengths[0]) : -1);
  assert.equal(head.chunked, codings.length === 1);
  assert.deepEqual(
    codings.map((coding) => coding.toLowerCase()),
    codings.map(() => 'chunked'),
  );
}
