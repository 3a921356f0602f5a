import { expect, test } from 'bun:test'
import { ConnectionDeadlines } from '../../src/listener/connection-deadlines.ts'
import { InProcess, timelessSettings } from '../exchange/in-process.ts'
import { NO_KEEPER } from '../exchange/no-keeper.ts'

const LINGER_MS = 1_000

function lingering(refused: boolean): {
  readonly deadlines: ConnectionDeadlines
  readonly at: (ms: number) => number
} {
  const settings = timelessSettings()
  const timeouts = { ...settings.timeouts, lingerMs: LINGER_MS }
  const { plane } = new InProcess({ ...settings, timeouts })
  const { clock } = plane.turn
  // Whole milliseconds, so that sums are exact.
  const begunAt = (clock.nowMs = Math.trunc(clock.nowMs))
  const deadlines = new ConnectionDeadlines(plane, NO_KEEPER)
  deadlines.beginLinger(refused)
  return { deadlines, at: (ms) => (clock.nowMs = begunAt + ms) }
}

test('a client that sends nothing more is waited for so long after its answer', () => {
  const { deadlines, at } = lingering(false)
  expect(deadlines.hasLingered(at(LINGER_MS))).toBeFalse()
  expect(deadlines.hasLingered(at(LINGER_MS + 1))).toBeTrue()
})

test.each([
  ['a client that never stops sending', false, 6_000],
  ['one whose connection was refused', true, 1_000],
])('%s is waited for no longer than a limit', (_, refused, limitMs) => {
  const { deadlines, at } = lingering(refused)
  for (let ms = 0; ms <= limitMs; ms += 20) {
    expect(deadlines.hasLingered(at(ms))).toBeFalse()
    deadlines.begin()
  }
  expect(deadlines.hasLingered(at(limitMs + 1))).toBeTrue()
})
