let textMs = Number.NaN
let text = ''

/** Milliseconds since 1970 in ISO 8601; the last one is kept, as many requests begin within a millisecond. */
export function timeText(ms: number): string {
  const wholeMs = Math.floor(ms)
  if (wholeMs !== textMs) {
    textMs = wholeMs
    text = new Date(wholeMs).toISOString()
  }
  return text
}
