import { TOKEN, latin1 } from '../http1/byte-class.ts'

const PREFIX = `${crypto.getRandomValues(Buffer.alloc(10)).toString('hex')}-`
const DIGITS = 8
const MAX_BYTES = 128
const FIELD_NAME = 'X-Request-Id: '
const LINE_END = '\r\n'
/** A whole field with an id of ours, of which only the last digits change often. */
const FIELD_LINE = Buffer.from(`${FIELD_NAME}${PREFIX}${'0'.repeat(DIGITS)}${LINE_END}`)
/** Where a text is made. */
const SCRATCH = Buffer.from(FIELD_LINE)
const FIRST_DIGIT = FIELD_NAME.length + PREFIX.length
/** Half of the digits at a time, so that their values stay small integers. A power would be a double: ids take three times as long with one. */
const HALF = DIGITS / 2
const PER_PAIR = 36 * 36
const PER_HALF = PER_PAIR * PER_PAIR
/** All pairs of digits, in the order of the numbers they spell. */
const PAIRS = Buffer.from(
  Array.from({ length: PER_PAIR }, (_, number) => number.toString(36).padStart(2, '0')).join(''),
)

/** How many numbers there are. */
const NUMBERS = PER_HALF * PER_HALF

let last = 0
let spelledHigh = 0

/** A new request id: random per process, counted within it. Returns the count, which `requestIdText` spells out. */
export function nextRequestNumber(): number {
  last = last + 1 === NUMBERS ? 0 : last + 1
  return last
}

/** Text of the request id of that number. */
export function requestIdText(number: number): string {
  const end = writeRequestIdField(number, SCRATCH, 0)
  return latin1(SCRATCH, FIELD_NAME.length, end - LINE_END.length)
}

/** Bytes of the ids that the balancer makes. */
export const OWN_ID_BYTES: number = PREFIX.length + DIGITS

/** Writes the id of that number into `out` at `at`; returns where it ends. */
export function writeOwnId(number: number, out: Buffer, at: number): number {
  spellLine(number)
  FIELD_LINE.copy(out, at, FIELD_NAME.length, FIELD_NAME.length + OWN_ID_BYTES)
  return at + OWN_ID_BYTES
}

/** Writes the field `X-Request-Id` into `out` at `at`, given the id or the number of one of ours; returns where it ends. */
export function writeRequestIdField(id: string | number, out: Buffer, at: number): number {
  if (typeof id === 'string') return at + out.write(`${FIELD_NAME}${id}${LINE_END}`, at, 'latin1')
  spellLine(id)
  FIELD_LINE.copy(out, at)
  return at + FIELD_LINE.length
}

function spellLine(number: number): void {
  const high = Math.floor(number / PER_HALF)
  if (high !== spelledHigh) spellHigh(high)
  spell(number - high * PER_HALF, FIELD_LINE, FIRST_DIGIT + HALF)
}

function spellHigh(high: number): void {
  spell(high, FIELD_LINE, FIRST_DIGIT)
  spelledHigh = high
}

/** Writes a number as four digits of base 36. */
function spell(number: number, out: Buffer, at: number): void {
  const high = ((number | 0) / PER_PAIR) | 0
  const low = (number | 0) - high * PER_PAIR
  out[at] = PAIRS[2 * high]!
  out[at + 1] = PAIRS[2 * high + 1]!
  out[at + 2] = PAIRS[2 * low]!
  out[at + 3] = PAIRS[2 * low + 1]!
}

/** Whether a received request id may be passed on: a token of bounded length, harmless in logs. */
export function isRequestId(bytes: Uint8Array, from: number, to: number): boolean {
  if (to === from || to - from > MAX_BYTES) return false
  for (let at = from; at < to; at++) if (TOKEN[bytes[at]!] === 0) return false
  return true
}
