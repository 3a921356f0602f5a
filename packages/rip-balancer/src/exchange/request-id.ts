import { randomBytes } from 'node:crypto'
import { TOKEN } from '../http1/byte-class.ts'

const PREFIX = `${randomBytes(10).toString('hex')}-`
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

/** Whether a received request id may be passed on: a token of bounded length, harmless in logs. */
export function isRequestId(bytes: Uint8Array, from: number, to: number): boolean {
  if (to === from || to - from > MAX_BYTES) return false
  for (let at = from; at < to; at++) if (TOKEN[bytes[at]!] === 0) return false
  return true
}
