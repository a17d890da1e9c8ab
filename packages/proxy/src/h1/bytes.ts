// The byte classes of RFC 9110 §5.6.2 and RFC 9112, as tables, and small comparisons over byte ranges.
// Knows no message.

export const byteHtab = 0x09;
export const byteLf = 0x0a;
export const byteCr = 0x0d;
export const byteSp = 0x20;
export const byteColon = 0x3a;
export const byteSlash = 0x2f;

/** The byte at `index`, 0 past the end: a table look-up or a read within checked bounds. */
export const byteAt = (bytes: Uint8Array, index: number): number => bytes[index] ?? 0;

const tokenMarks = "!#$%&'*+-.^_`|~";

function createTable(valueOf: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => valueOf(byte));
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isUpper = (byte: number): boolean => byte >= 0x41 && byte <= 0x5a;
const isLower = (byte: number): boolean => byte >= 0x61 && byte <= 0x7a;

/** The lower-cased byte where it is a token character (RFC 9110 §5.6.2), else 0. */
export const lowerToken: Uint8Array = createTable((byte) => {
  if (isUpper(byte)) return byte + 0x20;
  const isToken =
    isDigit(byte) || isLower(byte) || (byte < 0x80 && tokenMarks.includes(String.fromCharCode(byte)));
  return isToken ? byte : 0;
});

/** As `lowerToken`, with `_` as `-`: CGI-like apps read both as one name, so such names hash alike. */
export const hashToken: Uint8Array = createTable((byte) => (byte === 0x5f ? 0x2d : (lowerToken[byte] ?? 0)));

/** 1 where a byte may stand in a field value: visible, SP, HTAB, obs-text (RFC 9110 §5.5). */
export const fieldValueByte: Uint8Array = createTable((byte) =>
  byte === byteHtab || (byte >= byteSp && byte !== 0x7f) ? 1 : 0,
);

export const targetOrdinary = 1;
/** `%` and `.`: in a path they may mean more than they say. */
export const targetTelling = 2;
export const targetQuery = 3;

/** What a byte is in a target that the fast lane takes; 0: none of visible ASCII without `"`, `#`, `<`, `>`, `\\`. */
export const targetByte: Uint8Array = createTable((byte) => {
  if (byte <= byteSp || byte >= 0x7f || '"#<>\\'.includes(String.fromCharCode(byte))) return 0;
  if (byte === 0x3f) return targetQuery;
  return byte === 0x25 || byte === 0x2e ? targetTelling : targetOrdinary;
});

/** The value of a hexadecimal digit, else 255. */
export const hexValue: Uint8Array = createTable((byte) => {
  if (isDigit(byte)) return byte - 0x30;
  if (byte >= 0x41 && byte <= 0x46) return byte - 0x37;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x57;
  return 255;
});

/** Are the bytes `start..end` equal to `lowerName`, letter case aside? `lowerName` is lower-case ASCII. */
export function equalsIgnoringCase(
  bytes: Uint8Array,
  start: number,
  end: number,
  lowerName: string,
): boolean {
  if (end - start !== lowerName.length) return false;
  for (let index = 0; index < lowerName.length; index += 1) {
    if (byteAt(lowerToken, byteAt(bytes, start + index)) !== lowerName.charCodeAt(index)) return false;
  }
  return true;
}

/** Largest length that is told exactly by a double; more digits than this cannot be counted safely. */
const lengthDigitsMax = 15;

/** The value of `1*DIGIT` (RFC 9112 §6.2); -1 for anything else, a list included, and beyond 15 digits. */
export function parseContentLength(bytes: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > lengthDigitsMax) return -1;
  let value = 0;
  for (let index = start; index < end; index += 1) {
    const digit = byteAt(bytes, index) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
