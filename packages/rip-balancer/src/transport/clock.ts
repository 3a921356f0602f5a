/** Monotonic milliseconds. */
export function monotonicMs(): number {
  return performance.now()
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
