// Reads server name, application protocols and the key of a ticket from the first bytes of a TLS connection
// (RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301 §3.1, RFC 5077 §4). Pure; says when more bytes are needed, and never asks for more than a bound.

export type ClientHello =
  | { readonly kind: 'more' }
  /** No ClientHello, or one that is larger than anybody's. */
  | { readonly kind: 'none' }
  | {
      readonly kind: 'hello';
      /** Lower case; null without the extension. */
      readonly serverName: string | null;
      readonly protocols: readonly string[];
      /** 16 octets that name the key of the session ticket it offers; null without one. */
      readonly ticketKeyName: Buffer | null;
    };

const handshakeRecord = 22;
const clientHello = 1;
const recordBytesMax = 16_384;
/** Those of browsers with post-quantum keys have 1.8 KB. */
const helloBytesMax = 16_384;
const serverNameExtension = 0;
const protocolsExtension = 16;
const ticketExtension = 35;
const preSharedKeyExtension = 41;
/** RFC 5077 §4; OpenSSL's tickets of TLS 1.3 begin with it, too. */
const ticketKeyNameBytes = 16;

const more = { kind: 'more' } as const;
const none = { kind: 'none' } as const;

/** A view that is read from the front; reading past its end throws RangeError. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(size: number): number {
    const value = this.#bytes.readUIntBE(this.#at, size);
    this.#at += size;
    return value;
  }

  take(length: number): Buffer {
    if (length > this.left) throw new RangeError('a field ends behind its message');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A vector with its length before it. */
  vector(lengthSize: number): Reader {
    return new Reader(this.take(this.number(lengthSize)));
  }
}

/** The first handshake message, put together from records that may divide it anywhere. */
function readMessage(bytes: Buffer): Buffer | typeof more | typeof none {
  const parts: Buffer[] = [];
  let length = 0;
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] !== handshakeRecord) return none;
    if (bytes.length < at + 5) return more;
    const recordLength = bytes.readUInt16BE(at + 3);
    if (recordLength === 0 || recordLength > recordBytesMax) return none;
    const part = bytes.subarray(at + 5, at + 5 + recordLength);
    parts.push(part);
    length += part.length;
    at += 5 + recordLength;
    if (length < 4) continue;
    const message = Buffer.concat(parts);
    if (message[0] !== clientHello) return none;
    const wanted = message.readUIntBE(1, 3);
    if (wanted > helloBytesMax) return none;
    if (length >= 4 + wanted) return message.subarray(4, 4 + wanted);
  }
  return more;
}

function readServerName(list: Reader): string | null {
  const names = list.vector(2);
  while (names.left > 0) {
    const type = names.number(1);
    const name = names.take(names.number(2));
    if (type === 0) return name.toString('latin1').toLowerCase();
  }
  return null;
}

function readProtocols(extension: Reader): string[] {
  const list = extension.vector(2);
  const protocols: string[] = [];
  while (list.left > 0) protocols.push(list.take(list.number(1)).toString('latin1'));
  return protocols;
}

/** Of TLS 1.2 the ticket is the extension; of TLS 1.3 it is the first identity (RFC 8446 §4.2.11). */
function readTicketKeyName(ticket: Reader): Buffer | null {
  return ticket.left < ticketKeyNameBytes ? null : ticket.take(ticketKeyNameBytes);
}

export function parseClientHello(bytes: Buffer): ClientHello {
  const message = readMessage(bytes);
  if (!Buffer.isBuffer(message)) return message;
  try {
    const reader = new Reader(message);
    // Version and random, session id, cipher suites, compression methods.
    reader.take(34);
    reader.vector(1);
    reader.vector(2);
    reader.vector(1);
    let serverName: string | null = null;
    let protocols: readonly string[] = [];
    let ticketKeyName: Buffer | null = null;
    const extensions = reader.left === 0 ? new Reader(Buffer.alloc(0)) : reader.vector(2);
    while (extensions.left > 0) {
      const type = extensions.number(2);
      const extension = extensions.vector(2);
      if (type === serverNameExtension) serverName = readServerName(extension);
      else if (type === protocolsExtension) protocols = readProtocols(extension);
      else if (type === ticketExtension) ticketKeyName ??= readTicketKeyName(extension);
      else if (type === preSharedKeyExtension)
        ticketKeyName = readTicketKeyName(extension.vector(2).vector(2));
    }
    return { kind: 'hello', serverName, protocols, ticketKeyName };
  } catch (error) {
    if (error instanceof RangeError) return none;
    throw error;
  }
}
