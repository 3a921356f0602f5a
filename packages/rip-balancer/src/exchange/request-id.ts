import { randomBytes } from 'node:crypto'
import { TOKEN } from '../http1/byte-class.ts'

const PREFIX = `${randomBytes(10).toString('hex')}-`
const PREFIX_BYTES = Buffer.from(PREFIX)
const DIGITS = 8
const MAX_BYTES = 128

let last = 0

/** A new request id: random per process, counted within it. Returns the count, which `requestIdText` spells out. */
export function nextRequestNumber(): number {
  last = (last + 1) % 36 ** DIGITS
  return last
}

/** Text of the request id of that number. */
export function requestIdText(number: number): string {
  return PREFIX + number.toString(36).padStart(DIGITS, '0')
}

/** Writes the request id of that number into `out` at `at`; returns where it ends. */
export function writeRequestId(number: number, out: Buffer, at: number): number {
  const end = at + PREFIX_BYTES.copy(out, at) + DIGITS
  for (let place = end - 1, rest = number; place >= end - DIGITS; place--) {
    const digit = rest % 36
    out[place] = digit < 10 ? 0x30 + digit : 0x57 + digit
    rest = (rest - digit) / 36
  }
  return end
}

/** Whether a received request id may be passed on: a token of bounded length, harmless in logs. */
export function isRequestId(bytes: Uint8Array, from: number, to: number): boolean {
  if (to === from || to - from > MAX_BYTES) return false
  for (let at = from; at < to; at++) if (TOKEN[bytes[at]!] === 0) return false
  return true
}
