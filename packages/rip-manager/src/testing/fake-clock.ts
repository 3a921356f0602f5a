import type { Clock } from '../contract/ports.ts'

/** Time that moves when told to. */
export interface FakeClock extends Clock {
  /** Runs every timer that becomes due, in order, letting promises settle in between. */
  advance(byMs: number): Promise<void>
  /** The machine slept: time has passed, no timer ran. */
  suspend(forMs: number): void
}

interface Timer {
  readonly atMs: number
  readonly run: () => void
}

/** 2030-01-01, so that monotonic time is never mistaken for the time of day. */
const EPOCH_MS = 1_893_456_000_000

export function fakeClock(): FakeClock {
  const timers = new Set<Timer>()
  let nowMs = 0

  const nextDue = (limitMs: number): Timer | undefined => {
    let next: Timer | undefined
    for (const timer of timers) {
      if (timer.atMs <= limitMs && (next === undefined || timer.atMs < next.atMs)) next = timer
    }
    return next
  }

  return {
    nowMs: () => nowMs,
    wallMs: () => EPOCH_MS + nowMs,
    after(delayMs, run) {
      const timer = { atMs: nowMs + Math.max(0, delayMs), run }
      timers.add(timer)
      return { [Symbol.dispose]: () => void timers.delete(timer) }
    },
    async advance(byMs) {
      const limitMs = nowMs + byMs
      await settled()
      for (let timer = nextDue(limitMs); timer !== undefined; timer = nextDue(limitMs)) {
        timers.delete(timer)
        nowMs = Math.max(nowMs, timer.atMs)
        timer.run()
        await settled()
      }
      nowMs = limitMs
      await settled()
    },
    suspend(forMs) {
      nowMs += forMs
    },
  }
}

/** Lets everything run that waits for nothing but promises. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve()
}
