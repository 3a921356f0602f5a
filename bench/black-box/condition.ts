import { stateOf } from './process-facts.ts'

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

/** Whether a process runs; one that has ended and waits to be buried does not. */
export function isAlive(pid: number): boolean {
  const state = stateOf(pid)
  return state !== undefined && state !== 'Z'
}
