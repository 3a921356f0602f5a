import { expect, test } from 'bun:test'
import { Progress } from '../../src/exchange/progress.ts'
import { Clock } from '../../src/transport/clock.ts'
import { timelessSettings } from './in-process.ts'

const settings = timelessSettings()
const timeouts = { ...settings.timeouts, bodyIdleMs: 5_000 }
const limits = { ...settings.limits, minBodyBytesPerSecond: 512 }

/** Ticks ten times a second, as a listener does, while the client sends so many bytes each time. */
function refusedAfterMs(bytesPerTick: number, limitMs: number): number | undefined {
  const clock = new Clock()
  const progress = new Progress(clock)
  progress.begin()
  const begun = clock.nowMs
  for (let elapsed = 100, received = 0; elapsed <= limitMs; elapsed += 100, received += bytesPerTick) {
    // Bytes that a client takes count as progress, so the idle limit does not apply.
    progress.tick(begun + elapsed, received)
    if (progress.isBodyTooSlow(begun + elapsed, received, timeouts, limits, false)) return elapsed
  }
  return undefined
}

test('a body below the minimum rate is refused once the grace is over', () => {
  // Fractions of a millisecond may add up to slightly less than the grace; then it is the next tick.
  expect([10_000, 10_100]).toContain(refusedAfterMs(10, 60_000)!)
})

test('a body above the minimum rate is not', () => {
  expect(refusedAfterMs(60, 60_000)).toBeUndefined()
})

test('a body that does not move is refused at the idle limit', () => {
  expect([5_000, 5_100]).toContain(refusedAfterMs(0, 60_000)!)
})
