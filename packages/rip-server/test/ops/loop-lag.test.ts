import { expect, test } from 'bun:test'
import { LoopLag } from '../../src/ops/loop-lag.ts'

test('the lag of the loop is the worst of the last 15 to 30 seconds, also while it is blocked', () => {
  let nowMs = 0
  using lag = new LoopLag(() => nowMs)
  const tickAt = (atMs: number): void => {
    nowMs = atMs
    lag.tick()
  }
  tickAt(500)
  tickAt(1_002)
  expect(lag.worstMs).toBe(2)
  nowMs = 2_000
  expect(lag.worstMs).toBe(498)
  for (let atMs = 2_500; atMs <= 15_000; atMs += 500) tickAt(atMs)
  tickAt(15_500)
  expect(lag.worstMs).toBe(998)
  for (let atMs = 16_000; atMs <= 30_500; atMs += 500) tickAt(atMs)
  expect(lag.worstMs).toBe(0)
})
