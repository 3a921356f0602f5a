/** Takes the fields of a header block, one after the other, as they are decoded. */
export interface FieldSink {
  /**
   * Takes one field. Names are as they were sent: whether they are lower-case tokens, and what values may contain, is
   * checked by the sink.
   *
   * The ranges are valid during the call only, as they lie in the block, in the dynamic table or in a scratch buffer.
   */
  field(
    name: Buffer,
    nameFrom: number,
    nameTo: number,
    value: Buffer,
    valueFrom: number,
    valueTo: number,
  ): void
}

/** For blocks of streams that were refused or reset: their fields are not needed, but the table depends on each of them (RFC 9113 §4.3). */
export const NO_SINK: FieldSink = { field() {} }
