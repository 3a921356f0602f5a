import type { Clock } from '../contract/ports.ts'

/** The runtime takes a longer delay for none at all. */
const MAX_DELAY_MS = 2_147_483_647

/** The system's clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(delayMs, MAX_DELAY_MS))
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}
