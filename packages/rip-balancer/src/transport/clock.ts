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
