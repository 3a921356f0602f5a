import { MAX_31_BITS } from './frame-type.ts'

/** How many bytes of DATA the peer takes, on a stream or on the connection (RFC 9113 §6.9). */
export class SendWindow {
  /** It is negative when the peer has made its initial window smaller than what was sent (§6.9.2). */
  bytes: number

  constructor(bytes: number) {
    this.bytes = bytes
  }

  /** @param bytes of a WINDOW_UPDATE, or by how much the initial window changed. @returns whether it is a window still */
  grow(bytes: number): boolean {
    this.bytes += bytes
    return this.bytes <= MAX_31_BITS
  }
}
