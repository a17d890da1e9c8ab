// What every management request says of itself: the protocol it speaks and who calls.
import type { IncomingMessage } from 'node:http';
import { PROTOCOL_VERSION, headerNames } from '../protocol-version.ts';
import { parseProtocol, protocolMismatch } from '../wire/protocol-mismatch.ts';

/** Errors: PROTOCOL_MISMATCH, naming both versions. */
export function checkProtocol(request: IncomingMessage): void {
  const client = parseProtocol(request.headers[headerNames.protocol]);
  if (client !== PROTOCOL_VERSION) throw protocolMismatch({ client, server: PROTOCOL_VERSION });
}

/** The stated caller without control characters and at most `charsMax` long; `unknown` when none is stated. */
export function callerOf(request: IncomingMessage, charsMax: number): string {
  const stated = request.headers[headerNames.caller];
  if (typeof stated !== 'string') return 'unknown';
  const caller = decode(stated)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
    .trim();
  return caller === '' ? 'unknown' : Array.from(caller).slice(0, charsMax).join('');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded: a hand-made request; its text is as good.
    return text;
  }
}
