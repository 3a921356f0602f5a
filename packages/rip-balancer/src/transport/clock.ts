let eventAt = performance.now()

/**
 * Monotonic milliseconds, read once per event of a socket or timer: an exchange asks a dozen times, and the answers
 * need no more precision than that. Whoever handles an event calls `eventBegins` first.
 */
export function monotonicMs(): number {
  return eventAt
}

/** Reads the clock for the event that is being handled. */
export function eventBegins(): void {
  eventAt = performance.now()
}

let wallOffsetMs = 0
let offsetReadAt = Number.NEGATIVE_INFINITY
/** The wall clock may be set while we run. */
const OFFSET_HOLDS_MS = 100

/** A monotonic time as milliseconds since 1970. */
export function wallMs(monotonic: number): number {
  if (eventAt - offsetReadAt > OFFSET_HOLDS_MS) {
    wallOffsetMs = Date.now() - performance.now()
    offsetReadAt = eventAt
  }
  return monotonic + wallOffsetMs
}

let dateBytes: Buffer = Buffer.alloc(0)
let dateSecond = -1

/** The `Date` field for this second, with its line end (RFC 9110 §6.6.1). */
export function dateLine(): Buffer {
  const second = Math.floor(Date.now() / 1000)
  if (second !== dateSecond) {
    dateSecond = second
    dateBytes = Buffer.from(`Date: ${new Date(second * 1000).toUTCString()}\r\n`)
  }
  return dateBytes
}
