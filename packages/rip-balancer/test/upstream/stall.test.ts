import { expect, test } from 'bun:test'
import { Stall } from '../../src/upstream/stall.ts'

/** What is said for requests in flight, at milliseconds. */
function said(...requests: readonly (readonly [inFlight: number, nowMs: number])[]): readonly boolean[] {
  const stall = new Stall()
  return requests.map(([inFlight, nowMs]) => stall.joined(inFlight, nowMs))
}

test('many requests at the same instant are no stall, however long the backend had none', () => {
  expect(said([1, 60_000], [2, 60_000], [3, 60_099])).toEqual([false, false, false])
})

test('a backend that has answered nothing for 100 ms is stalled, until it answers', () => {
  expect(said([1, 0], [2, 50], [3, 100], [4, 5_000], [4, 5_001], [5, 5_100], [6, 5_101])).toEqual([
    false,
    false,
    true,
    true,
    false,
    false,
    true,
  ])
})
