/** The longest a timer can be set to, some 24 days: as good as no limit. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** A signal that aborts after so many milliseconds; `Infinity` is as good as never. */
export function timeLimit(limitMs: number): AbortSignal {
  return AbortSignal.timeout(Math.min(limitMs, MAX_TIMER_MS))
}
