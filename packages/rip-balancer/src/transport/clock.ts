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

let dateText = ''
let dateSecond = -1

/** Value of a `Date` field for this second (RFC 9110 §6.6.1). */
export function httpDate(): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== dateSecond) {
    dateSecond = second
    dateText = new Date(second * 1000).toUTCString()
  }
  return dateText
}
