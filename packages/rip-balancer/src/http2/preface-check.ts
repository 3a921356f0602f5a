import { PREFACE } from './frame-type.ts'

/** Compares the beginning of a connection with what every client sends first (RFC 9113 §3.4). */
export class PrefaceCheck {
  private seen = 0

  /** @returns behind the preface, as far as it is here; -1 when this is not HTTP/2 */
  take(chunk: Buffer, from: number, to: number): number {
    let at = from
    while (this.seen < PREFACE.length && at < to) if (chunk[at++] !== PREFACE[this.seen++]) return -1
    return at
  }
}
