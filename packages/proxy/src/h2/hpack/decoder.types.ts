// What the decoder is given and what it says. Knows no octets.

/** What became of one field block. */
export interface DecodedBlock {
  /**
   * Names and values in turn, as sent, latin1 strings; up to where the limits were reached. May be shared with a
   * cache: nobody changes it.
   */
  readonly fields: readonly string[];
  /** More fields or octets than the limits: `fields` is not whole; the dynamic table is right all the same. */
  readonly isTooLarge: boolean;
}

export interface DecoderLimits {
  /** Octets of the dynamic table: the SETTINGS_HEADER_TABLE_SIZE that we announce. */
  readonly tableBytesMax: number;
  /** As RFC 9113 §6.5.2 counts a field section: name, value and 32 for each field. */
  readonly sectionBytesMax: number;
  readonly fieldsMax: number;
}
