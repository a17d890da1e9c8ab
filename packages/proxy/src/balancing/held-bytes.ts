// What a waiting request holds in memory of its body: at most what a lane reads ahead.
import type { Exchange } from '../pipeline/exchange.ts';

export function heldBytesOf(exchange: Exchange, heldBodyBytesMax: number): number {
  const { body } = exchange;
  if (body.kind === 'none') return 0;
  return body.kind === 'sized' ? Math.min(body.bytes, heldBodyBytesMax) : heldBodyBytesMax;
}
