// What a response body must be. A check takes the chunks as they come and names the first thing that is wrong.
import { createHash } from 'node:crypto';
import { firstDifference } from './pattern.ts';

export interface BodyCheck {
  /** null, or what is wrong. */
  take(chunk: Buffer): string | null;
  /** At a proper end of the body: null, or what is wrong with it as a whole. */
  end(): string | null;
}

/** Exactly `bytes` bytes of the pattern. */
export function checkPattern(seed: number, bytes: number): BodyCheck {
  let offset = 0;
  return {
    take: (chunk) => {
      if (offset + chunk.length > bytes) return 'more bytes than asked for';
      const difference = firstDifference(seed, offset, chunk);
      offset += chunk.length;
      return difference === -1 ? null : 'a wrong byte';
    },
    end: () => (offset === bytes ? null : 'fewer bytes than asked for'),
  };
}

/** The answer to an upload: `{bytes, sha256}` of what was sent. */
export function checkReceipt(sent: () => { readonly bytes: number; readonly sha256: string }): BodyCheck {
  let text = '';
  return {
    take: (chunk) => {
      text += chunk.toString('latin1');
      return text.length > 1000 ? 'too long a receipt' : null;
    },
    end: () => {
      const { bytes, sha256 } = sent();
      if (!text.includes(`"sha256":"${sha256}"`)) return 'a receipt for other content';
      return text.includes(`"bytes":${bytes},`) ? null : 'a receipt for another length';
    },
  };
}

/** Of any app: whole (node:http saw its proper end), not empty, and of the hash it names itself, if it does. */
export function checkWhole(expectedSha256: string | null): BodyCheck {
  const hash = createHash('sha256');
  let bytes = 0;
  return {
    take: (chunk) => {
      bytes += chunk.length;
      if (expectedSha256 !== null) hash.update(chunk);
      return null;
    },
    end: () => {
      if (bytes === 0) return 'an empty body';
      return expectedSha256 === null || hash.digest('hex') === expectedSha256
        ? null
        : 'content of another hash';
    },
  };
}
