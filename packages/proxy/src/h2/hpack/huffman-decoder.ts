// Reads Huffman-coded text (RFC 7541 §5.2) four bits at a time, by a table over the inner nodes of the code's tree. Four
// bits end at most one symbol, as the shortest code has five. Knows no strings and no limits.
import { codeLengths, codes, endOfString } from './huffman-code.ts';

/** A code of 257 symbols that is complete has 256 inner nodes; the root is 0. */
const nodeCount = endOfString;
/** Where EOS leads; nothing leads away from it. */
const deadNode = nodeCount;

// A step: the next node, and the octet that the four bits ended, if they did.
const nodeMask = 0x1ff;
const octetShift = 9;
const endsOctet = 1 << 17;

/** By node and the next four bits. */
const steps = new Int32Array((nodeCount + 1) * 16);
/** 1 where a text may end: nothing but ones since the last symbol, seven at most (RFC 7541 §5.2). */
const mayEnd = new Uint8Array(nodeCount + 1);

/** Two children for each node: another node, or a symbol as its complement. */
function createTree(): Int16Array {
  const children = new Int16Array(nodeCount * 2);
  let made = 1;
  for (let symbol = 0; symbol < codes.length; symbol += 1) {
    const code = codes[symbol] ?? 0;
    let node = 0;
    for (let bit = (codeLengths[symbol] ?? 0) - 1; bit > 0; bit -= 1) {
      const branch = node * 2 + ((code >>> bit) & 1);
      if (children[branch] === 0) {
        children[branch] = made;
        made += 1;
      }
      node = children[branch] ?? 0;
    }
    children[node * 2 + (code & 1)] = ~symbol;
  }
  return children;
}

function stepFrom(children: Int16Array, start: number, bits: number): number {
  let node = start;
  let ended = 0;
  for (let bit = 3; bit >= 0; bit -= 1) {
    const child = children[node * 2 + ((bits >>> bit) & 1)] ?? 0;
    if (child >= 0) {
      node = child;
      continue;
    }
    if (~child === endOfString) return deadNode;
    ended = endsOctet | (~child << octetShift);
    node = 0;
  }
  return node | ended;
}

function fillTables(): void {
  const children = createTree();
  for (let node = 0; node < nodeCount; node += 1)
    for (let bits = 0; bits < 16; bits += 1) steps[node * 16 + bits] = stepFrom(children, node, bits);
  steps.fill(deadNode, deadNode * 16);
  for (let node = 0, ones = 0; ones <= 7; ones += 1) {
    mayEnd[node] = 1;
    node = children[node * 2 + 1] ?? 0;
  }
}

fillTables();

/** Octets that a text of so many coded octets may have at most. */
export const decodedBytesMax = (codedBytes: number): number => Math.floor((codedBytes * 8) / 5);

/** Writes the text in [start, end) to the beginning of `target`, which has room. Its length, or -1: malformed. */
export function decodeHuffman(source: Uint8Array, start: number, end: number, target: Uint8Array): number {
  let node = 0;
  let length = 0;
  for (let position = start; position < end; position += 1) {
    const octet = source[position] ?? 0;
    let step = steps[(node << 4) | (octet >>> 4)] ?? 0;
    if ((step & endsOctet) !== 0) {
      target[length] = step >>> octetShift;
      length += 1;
    }
    step = steps[((step & nodeMask) << 4) | (octet & 0xf)] ?? 0;
    if ((step & endsOctet) !== 0) {
      target[length] = step >>> octetShift;
      length += 1;
    }
    node = step & nodeMask;
  }
  return mayEnd[node] === 1 ? length : -1;
}

/** As `decodeHuffman`, and writes nothing. */
export function measureHuffman(source: Uint8Array, start: number, end: number): number {
  let node = 0;
  let length = 0;
  for (let position = start; position < end; position += 1) {
    const octet = source[position] ?? 0;
    const first = steps[(node << 4) | (octet >>> 4)] ?? 0;
    const second = steps[((first & nodeMask) << 4) | (octet & 0xf)] ?? 0;
    length += (first >>> 17) + (second >>> 17);
    node = second & nodeMask;
  }
  return mayEnd[node] === 1 ? length : -1;
}
