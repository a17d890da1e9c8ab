// What is wrong with a frame whatever the state of its connection (RFC 9113 §6): the stream it names, its length, its
// padding. Knows no connection.
import { errorCode, frameFlag, frameType } from '../../../h2/codes.ts';
import type { FrameHead } from '../../../h2/frame-cutter.ts';

/** `onStream`: 1 a stream is named, 0 none is, -1 either. `bytes`: the length of the payload, -1 any. */
interface FrameRule {
  readonly onStream: 1 | 0 | -1;
  readonly bytes: number;
}

const rules: readonly (FrameRule | undefined)[] = ((): readonly (FrameRule | undefined)[] => {
  const table: (FrameRule | undefined)[] = [];
  table[frameType.data] = { onStream: 1, bytes: -1 };
  table[frameType.headers] = { onStream: 1, bytes: -1 };
  table[frameType.priority] = { onStream: 1, bytes: 5 };
  table[frameType.rstStream] = { onStream: 1, bytes: 4 };
  table[frameType.settings] = { onStream: 0, bytes: -1 };
  table[frameType.pushPromise] = { onStream: 1, bytes: -1 };
  table[frameType.ping] = { onStream: 0, bytes: 8 };
  table[frameType.goaway] = { onStream: 0, bytes: -1 };
  table[frameType.windowUpdate] = { onStream: -1, bytes: 4 };
  table[frameType.continuation] = { onStream: 1, bytes: -1 };
  return table;
})();

/** The code that ends the connection, or `noError`. */
export function checkFrame({ type, flags, stream, payloadBytes }: FrameHead): number {
  const rule = rules[type];
  if (rule === undefined) return errorCode.noError;
  if (rule.onStream >= 0 && stream > 0 !== (rule.onStream === 1)) return errorCode.protocolError;
  if (rule.bytes >= 0 && payloadBytes !== rule.bytes) return errorCode.frameSizeError;
  // RFC 9113 §5.1.1: what a client begins has an odd number.
  if (type === frameType.headers && (stream & 1) === 0) return errorCode.protocolError;
  if (type === frameType.goaway && payloadBytes < 8) return errorCode.frameSizeError;
  const isAck = type === frameType.settings && (flags & frameFlag.ack) !== 0;
  return isAck && payloadBytes > 0 ? errorCode.frameSizeError : errorCode.noError;
}

/** Octets of a DATA frame that are no data, the one that tells them included; -1: the frame has no room for that one. */
export function paddingOf(head: FrameHead, buffer: Buffer, start: number): number {
  if ((head.flags & frameFlag.padded) === 0) return 0;
  return head.payloadBytes === 0 ? -1 : 1 + (buffer[start] ?? 0);
}
