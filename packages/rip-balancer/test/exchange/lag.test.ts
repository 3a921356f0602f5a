import { expect, test } from 'bun:test'
import { Lag } from '../../src/exchange/lag.ts'

const PACE = 10_000

/**
 * The lag after ticks of a tenth of a second, the first when others begin to wait. @param moved bytes moved in each
 * tick
 */
function lagAfter(moved: readonly number[]): number {
  const lag = new Lag()
  for (const [tick, bytes] of moved.entries()) lag.tick(tick === 0 ? 0 : 100, bytes, PACE)
  return lag.ms
}

test('a client that moves nothing is behind by the time others wait for it', () => {
  expect(lagAfter([0, 0, 0, 0])).toBe(300)
})

test('bytes moved before others waited do not count', () => {
  expect(lagAfter([5_000_000, 5_000_000, 5_000_000])).toBe(200)
})

test('a client that keeps the pace is never behind', () => {
  expect(lagAfter([0, 1_000, 2_000, 3_000])).toBe(0)
})

test('a lead counts for as long as it took, and for five seconds at most', () => {
  const atTwicePace = (ticks: number): number[] => Array.from({ length: ticks + 1 }, (_, n) => n * 2_000)
  const pause = (ticks: number): number[] => Array<number>(ticks).fill(1_000_000)
  expect(lagAfter([0, ...pause(1)])).toBe(-100)
  expect(lagAfter([0, ...pause(4)])).toBe(200)
  expect(lagAfter(atTwicePace(20))).toBe(-2_000)
  expect(lagAfter(atTwicePace(200))).toBe(-5_000)
  expect(lagAfter([...atTwicePace(200), 1_000_000, ...pause(51)])).toBe(100)
})

test('time in which nobody waits does not count, nor bytes moved then', () => {
  const lag = new Lag()
  lag.tick(100, 0, PACE)
  lag.pause()
  lag.tick(20, 500_000, PACE)
  expect(lag.ms).toBe(120)
  lag.tick(100, 500_000, PACE)
  expect(lag.ms).toBe(220)
})

test('a count that begins anew makes no client late', () => {
  expect(lagAfter([5_000, 0, 0])).toBe(200)
})
