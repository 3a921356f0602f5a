/** Milliseconds until a condition holds, or `Infinity` when it did not within the limit. */
export async function timeUntil(holds: () => boolean | Promise<boolean>, limitMs: number): Promise<number> {
  const startedAt = performance.now()
  while (performance.now() - startedAt < limitMs) {
    if (await holds()) return performance.now() - startedAt
    await Bun.sleep(5)
  }
  return Number.POSITIVE_INFINITY
}

/** Waits for a condition; throws when it does not hold in time. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  if (!Number.isFinite(await timeUntil(holds, limitMs)))
    throw new Error(`waited ${limitMs} ms in vain until ${what}`)
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    // ESRCH: it is gone.
    return false
  }
}
