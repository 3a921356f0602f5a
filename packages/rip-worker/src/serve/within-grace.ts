import { CLOSE_HOOK_GRACE_MS, MAX_TIMER_MS } from '../defaults.ts'
import { setTimeout } from '../own-timers.ts'
import type { Deadline } from './deadline.ts'

/**
 * Waits for the application's work at its end, which gets a little time even when requests have used up the deadline.
 *
 * @param onLate called when the time is up; after that it is waited for no longer
 */
export async function withinGrace(
  deadline: Deadline,
  work: Promise<void>,
  onLate?: () => void,
): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timeoutMs = Math.min(Math.max(deadline.remainingMs, CLOSE_HOOK_GRACE_MS), MAX_TIMER_MS)
  const timer = setTimeout(() => {
    onLate?.()
    late.resolve()
  }, timeoutMs)
  try {
    await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
