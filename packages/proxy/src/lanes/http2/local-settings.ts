// What we tell a client of ourselves in SETTINGS (RFC 9113 §6.5.2), and hold it to, whoever cuts the frames.
import { settingId } from '../../h2/codes.ts';
import type { Limits } from '../../limits.ts';

/** What a client may send ahead on all its streams together; given back as it comes in, paused streams or not. */
export const connectionWindowBytes: number = 1024 * 1024;

/** Octets that a stream may send before its body is asked for. */
export const streamWindowBytes = (limits: Limits): number =>
  Math.min(limits.http2StreamWindowBytes, limits.heldBodyBytesMax);

/** Up to so many policy says 431; pseudo-header fields and cookie crumbs need room. */
export const fieldsPerSectionMax = (limits: Limits): number => limits.headFieldsMax * 4;

/** Identifiers and values in turn. */
export const localSettings = (limits: Limits): readonly number[] => [
  settingId.maxConcurrentStreams,
  limits.http2StreamsMax,
  settingId.initialWindowSize,
  streamWindowBytes(limits),
  settingId.maxHeaderListSize,
  limits.http2FieldSectionBytesMax,
  settingId.enableConnectProtocol,
  1,
];
