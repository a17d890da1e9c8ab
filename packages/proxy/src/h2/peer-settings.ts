// What a client says of itself in SETTINGS (RFC 9113 §6.5): checked, and kept as far as it concerns what we send.
import { errorCode, settingId, windowBytesAtFirst, windowBytesMax } from './codes.ts';

const entryBytes = 6;
const frameSizeMin = 16_384;
const frameSizeMax = 16_777_215;

export class PeerSettings {
  /** Octets that a new stream may be sent at first. */
  initialWindowBytes = windowBytesAtFirst;

  /** Takes one payload, in order. The error code that ends the connection, or `noError`. */
  apply(payload: Buffer, start: number, end: number): number {
    if ((end - start) % entryBytes !== 0) return errorCode.frameSizeError;
    for (let at = start; at < end; at += entryBytes) {
      const code = this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
      if (code !== errorCode.noError) return code;
    }
    return errorCode.noError;
  }

  /**
   * Our field encoder keeps no table, and our frames are never larger than the least that every peer takes: of most
   * settings only the range matters.
   */
  #set(id: number, value: number): number {
    switch (id) {
      case settingId.enablePush:
      case settingId.enableConnectProtocol:
        return value <= 1 ? errorCode.noError : errorCode.protocolError;
      case settingId.initialWindowSize:
        if (value > windowBytesMax) return errorCode.flowControlError;
        this.initialWindowBytes = value;
        return errorCode.noError;
      case settingId.maxFrameSize:
        return value >= frameSizeMin && value <= frameSizeMax ? errorCode.noError : errorCode.protocolError;
      default:
        return errorCode.noError;
    }
  }
}

/** More values than there are settings to set, several times over. */
export const settingsEntriesMax = 32;

export const settingsEntries = (payloadBytes: number): number => Math.floor(payloadBytes / entryBytes);
