/** Longest wait for a condition, unless told otherwise. */
const PATIENCE_MS = 20_000
/** A longer wait is reported on the terminal, because the test's own time limit may end before the patience does. */
const LONG_WAIT_MS = 4_000
const POLL_MS = 5

/**
 * Waits for a condition, and resolves with the last result of the probe.
 *
 * @param what the condition, as the rest of a sentence that begins with "waited until"
 * @param probe called repeatedly until it returns another value than undefined or `false`
 * @throws when that does not happen in time, or when the probe throws
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  limitMs: number = PATIENCE_MS,
): Promise<NonNullable<T>> {
  const startedAt = performance.now()
  let isNamed = false
  for (;;) {
    const value = await probe()
    if (value !== undefined && value !== null && value !== false) return value
    const waitedMs = performance.now() - startedAt
    if (waitedMs > limitMs) throw new Error(`waited ${limitMs} ms in vain until ${what}`)
    if (waitedMs > LONG_WAIT_MS && !isNamed) {
      isNamed = true
      console.warn(`still waiting until ${what}`)
    }
    await Bun.sleep(POLL_MS)
  }
}

/** Milliseconds until a condition holds, or `Infinity` when it does not within the limit. */
export async function timeUntil(
  holds: () => boolean | Promise<boolean>,
  limitMs: number,
  pollMs: number = POLL_MS,
): Promise<number> {
  const startedAt = performance.now()
  while (performance.now() - startedAt < limitMs) {
    if (await holds()) return performance.now() - startedAt
    await Bun.sleep(pollMs)
  }
  return Number.POSITIVE_INFINITY
}
