// The digest by which CLI and server agree whether secrets changed, without either sending them (spec 30). Pure.
import { createHash } from 'node:crypto';

/**
 * SHA-256, as 64 hex digits, over the pairs sorted by name, name and value each preceded by its length in bytes of
 * UTF-8 as u64 little-endian. The empty set is the SHA-256 of nothing.
 */
export function secretsDigest(secrets: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(secrets).map(
    ([name, value]) => [Buffer.from(name), Buffer.from(value)] as const,
  );
  const hash = createHash('sha256');
  for (const [name, value] of pairs.sort(([a], [b]) => Buffer.compare(a, b))) {
    hash.update(lengthOf(name)).update(name).update(lengthOf(value)).update(value);
  }
  return hash.digest('hex');
}

function lengthOf(bytes: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return length;
}
