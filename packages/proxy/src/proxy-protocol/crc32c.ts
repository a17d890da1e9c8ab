// CRC-32C (Castagnoli), RFC 3720 appendix B.4. `zlib.crc32` is another polynomial.

const reversedPolynomial = 0x82f6_3b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1)
    value = (value & 1) === 1 ? (value >>> 1) ^ reversedPolynomial : value >>> 1;
  return value;
});

/** Unsigned. Octets from `zeroFrom` up to `zeroTo` count as zero. */
export function crc32c(bytes: Uint8Array, zeroFrom = 0, zeroTo = 0): number {
  let crc = 0xffff_ffff;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = at >= zeroFrom && at < zeroTo ? 0 : (bytes[at] ?? 0);
    crc = (table[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}
