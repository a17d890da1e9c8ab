// Fuzz target: the response recogniser accepts nothing with two framings, and no division changes the verdict.
import assert from 'node:assert/strict';
import { ResponseHead, type ResponseHeadOutcome } from '../h1/response-head.ts';
import type { FuzzTarget } from './fuzz-target.ts';

const limits = { headBytesMax: 4096, lineBytesMax: 4096, fieldsMax: 20 };

const corpus = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'HTTP/1.1 204 No Content\r\nX: y\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 9\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200\r\nConnection: close\r\n\r\nbody',
  'HTTP/1.0 200 OK\r\nServer: x\r\n\r\nuntil close',
].map((text) => Buffer.from(text, 'latin1'));

const head = new ResponseHead(limits);

export const responseHeadTarget: FuzzTarget = {
  name: 'response head',
  corpus,
  check: (bytes, mutator) => {
    head.toHead = mutator.below(4) === 0;
    const outcome = head.recognise(bytes, 0, bytes.length);
    if (outcome === 'complete') checkFraming(bytes);
    assert.equal(verdictOver(mutator.split(bytes, 24)), outcome);
  },
};

function verdictOver(pieces: readonly Buffer[]): ResponseHeadOutcome {
  let all = Buffer.alloc(0);
  let outcome: ResponseHeadOutcome = 'incomplete';
  for (const piece of pieces) {
    all = Buffer.concat([all, piece]);
    outcome = head.recognise(all, 0, all.length);
    if (outcome !== 'incomplete') return outcome;
  }
  return outcome;
}

function checkFraming(bytes: Buffer): void {
  const text = bytes.toString('latin1');
  assert.equal(head.headEnd, text.indexOf('\r\n\r\n') + 4);
  const [, ...lines] = text.slice(0, head.headEnd - 4).split('\r\n');
  const named = (name: string): string[] =>
    lines
      .filter((line) => line.toLowerCase().startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).trim());
  const lengths = named('content-length');
  const codings = named('transfer-encoding');
  assert.ok(lengths.length + codings.length <= 1, 'one framing field at most');
  const bodiless = head.toHead || head.status < 200 || head.status === 204 || head.status === 304;
  if (bodiless) assert.equal(head.bodyKind, 'none');
  else if (codings.length === 1) assert.equal(head.bodyKind, 'chunked');
  else if (lengths.length === 1) assert.equal(head.bodyKind, Number(lengths[0]) === 0 ? 'none' : 'sized');
  else assert.equal(head.bodyKind, 'untilClose');
  if (text.startsWith('HTTP/1.0')) assert.equal(head.keepAlive, false);
}
