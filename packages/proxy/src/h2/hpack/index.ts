// HPACK (RFC 7541) for the proxy's own HTTP/2 server. Knows no frames, no streams, no meaning of any field.
export { HpackDecoder } from './decoder.ts';
export type { DecodedBlock, DecoderLimits } from './decoder.types.ts';
export { HpackEncoder } from './encoder.ts';
