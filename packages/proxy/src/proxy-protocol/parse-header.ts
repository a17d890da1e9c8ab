// Reads a PROXY protocol header from the first octets of a connection, in a version that is allowed there. One is
// always due: a connection without is invalid. Pure.
import { invalid, more, type ParsedProxyHeader, type ProxyProtocolMode } from './header.ts';
import { parseProxyV1 } from './parse-v1.ts';
import { parseProxyV2 } from './parse-v2.ts';

/** Version 2 begins with a line end, version 1 with a letter. */
const startOfV2 = 0x0d;

export function parseProxyHeader(
  bytes: Buffer,
  mode: Exclude<ProxyProtocolMode, 'off'>,
  bytesMax: number,
): ParsedProxyHeader {
  const [first] = bytes;
  if (first === undefined) return more;
  const isV2 = first === startOfV2;
  if (isV2 && mode === 'v1') return invalid('version 2 came where version 1 is due');
  if (!isV2 && mode === 'v2') return invalid('no header of version 2');
  return isV2 ? parseProxyV2(bytes, bytesMax) : parseProxyV1(bytes);
}
