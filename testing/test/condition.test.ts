import { expect, test } from 'bun:test'
import { median, quantile, timeUntil, until } from '../src/index.ts'

test('what the probe returns in the end is handed over, zero included', async () => {
  const values = [undefined, null, false, 0]
  expect(await until('there is one', () => values.shift())).toBe(0)
})

test('a wait in vain is named, and so is what the probe throws', async () => {
  const failure = (error: Error): string => error.message
  expect(await until('it rains', () => false, 20).catch(failure)).toBe('waited 20 ms in vain until it rains')
  const broken = (): never => {
    throw new Error('the server ended')
  }
  expect(await until('it serves', broken).catch(failure)).toBe('the server ended')
})

test('the time until a condition holds is infinite when it does not', async () => {
  expect(await timeUntil(() => true, 1_000)).toBeLessThan(1_000)
  expect(await timeUntil(() => false, 20)).toBe(Number.POSITIVE_INFINITY)
})

test('quantiles are numbers that were there', () => {
  const numbers = [30, 10, 20, 40]
  expect([0, 0.5, 0.99, 1].map((share) => quantile(numbers, share))).toEqual([10, 30, 40, 40])
  expect([median([3, 1, 2]), quantile([], 0.5)]).toEqual([2, Number.NaN])
})
