// Version 1: one line of text, strictly (proxy-protocol.txt §2.1): single spaces, no leading zeros, nothing after the
// ports, families that match. Pure.
import { isIPv4, isIPv6 } from 'node:net';
import { bare, invalid, more, type ParsedProxyHeader } from './header.ts';

const start = Buffer.from('PROXY ', 'latin1');
/** With CRLF: the longest line that the specification can make. */
const lineBytesMax = 107;

/** 0, or no leading zero. */
const portText = /^(?:0|[1-9]\d{0,4})$/;

const isPort = (text: string): boolean => portText.test(text) && Number(text) <= 65_535;

/** Node takes a scope (`%eth0`) for a part of an address; it means nothing on another machine. */
const isAddress = (family: string, text: string): boolean =>
  family === 'TCP4' ? isIPv4(text) : isIPv6(text) && !text.includes('%');

function parseLine(line: string): ParsedProxyHeader {
  const lengthBytes = line.length + 2;
  if (/[^\x20-\x7e]/.test(line)) return invalid('the line has a control character');
  const [, family = '', ...rest] = line.split(' ');
  // RFC-like courtesy of the specification: whatever an UNKNOWN line says after it is ignored.
  if (family === 'UNKNOWN') {
    const header = { version: 1, source: null, destination: null, ...bare } as const;
    return { kind: 'header', header, lengthBytes };
  }
  if (family !== 'TCP4' && family !== 'TCP6') return invalid('the family is none of TCP4, TCP6, UNKNOWN');
  const [source = '', destination = '', sourcePort = '', destinationPort = '', ...surplus] = rest;
  if (surplus.length > 0) return invalid('the line goes on after the ports');
  if (!isAddress(family, source) || !isAddress(family, destination))
    return invalid(`an address is not one of ${family}`);
  if (!isPort(sourcePort) || !isPort(destinationPort)) return invalid('a port is not a number up to 65535');
  const header = {
    version: 1,
    source: { address: source, port: Number(sourcePort) },
    destination: { address: destination, port: Number(destinationPort) },
    ...bare,
  } as const;
  return { kind: 'header', header, lengthBytes };
}

export function parseProxyV1(bytes: Buffer): ParsedProxyHeader {
  const compared = Math.min(bytes.length, start.length);
  if (!bytes.subarray(0, compared).equals(start.subarray(0, compared))) return invalid('no PROXY line');
  const window = bytes.subarray(0, lineBytesMax);
  const end = window.indexOf('\r\n');
  if (end >= 0) return parseLine(window.toString('latin1', 0, end));
  if (window.length === lineBytesMax) return invalid(`no line end within ${lineBytesMax} octets`);
  // A CR may be the first half of the end.
  const line = window.toString('latin1').replace(/\r$/, '');
  return /[^\x20-\x7e]/.test(line) ? invalid('the line has a control character') : more;
}
