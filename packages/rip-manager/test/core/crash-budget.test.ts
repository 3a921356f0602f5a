import { expect, test } from 'bun:test'
import { CrashBudget } from '../../src/machine/crash-budget.ts'

const limits = { restarts: 3, perMs: 10_000, backoffBaseMs: 100, backoffCapMs: 1_000, stableMs: 5_000 }

test('the first crash causes no delay, further ones growing delays up to the cap', () => {
  const budget = new CrashBudget(limits, () => 1)
  expect([1, 2, 3, 4, 5, 6, 7].map((atMs) => budget.crash(atMs))).toEqual([
    0, 100, 200, 400, 800, 1_000, 1_000,
  ])
})

test('the delay is spread over its whole range', () => {
  const budget = new CrashBudget(limits, () => 0.25)
  budget.crash(1)
  expect(budget.crash(2)).toBe(25)
})

test('crashes that are far apart cause no delay', () => {
  const budget = new CrashBudget(limits, () => 1)
  expect([0, 20_000, 40_000, 60_000].map((atMs) => budget.crash(atMs))).toEqual([0, 0, 0, 0])
  expect(budget.spent).toBe(false)
})

test('a spent budget stays spent, through any pauses, until the fleet recovers', () => {
  const budget = new CrashBudget(limits, () => 1)
  for (let crash = 0; crash < 4; crash += 1) budget.crash(crash)
  expect(budget.spent).toBe(true)
  expect(budget.crash(60_000)).toBe(800)
  budget.recover()
  expect(budget.spent).toBe(false)
  expect(budget.crash(61_000)).toBe(0)
})
