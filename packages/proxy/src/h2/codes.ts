// The numbers of HTTP/2 frames (RFC 9113 §6, §7, §11; RFC 8441 §3). Knows no connection.

export const frameType = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const;

export const frameFlag = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export const errorCode = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  flowControlError: 0x3,
  streamClosed: 0x5,
  frameSizeError: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compressionError: 0x9,
  enhanceYourCalm: 0xb,
} as const;

export const settingId = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
  enableConnectProtocol: 0x8,
} as const;

export const frameHeadBytes = 9;
/** The largest payload that every peer takes, and the largest that we take (RFC 9113 §6.5.2). */
export const framePayloadBytesMax = 16_384;
/** RFC 9113 §6.9.1. */
export const windowBytesMax = 2 ** 31 - 1;
/** Of a connection, and of a stream before SETTINGS say otherwise. */
export const windowBytesAtFirst = 65_535;
/** RFC 7541 §4.2, RFC 9113 §6.5.2. */
export const headerTableBytes = 4_096;

/** How a client of prior knowledge or ALPN begins (RFC 9113 §3.4). */
export const clientPreface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
