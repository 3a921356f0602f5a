import { heapStats } from 'bun:jsc'
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  answerCount,
  latencyMs,
  MINUTE,
  RecentAnswers,
  sumAnswers,
} from '../../src/answers/recent-answers.ts'

describe('recent answers', () => {
  test('are counted by status, failures separately', () => {
    const answers = new RecentAnswers(0)
    answers.count(200, false, 1, 10)
    answers.count(404, false, 1, 10)
    answers.count(500, true, 1, 10)
    answers.count(200, true, 1, 10)
    expect(answers.read(5_000)).toMatchObject({ windowMs: 5_000, statuses: [0, 2, 0, 1, 1], failed: 2 })
  })

  test('cover the last minute', () => {
    const answers = new RecentAnswers(0)
    answers.count(500, true, 1, 1_000)
    expect(answerCount(answers.read(59_000))).toBe(1)
    const later = answers.read(61_000)
    expect([answerCount(later), later.failed, later.windowMs]).toEqual([0, 0, 51_000])
    answers.count(200, false, 1, 3_600_000)
    expect(answers.read(3_600_000).statuses).toEqual([0, 1, 0, 0, 0])
  })

  test('count any duration once, as the longest there is if it is longer', () => {
    const answers = new RecentAnswers(0)
    const durations = [0, -1, Number.NaN, 240_000, 600_000, 86_400_000, 2 ** 40, Number.POSITIVE_INFINITY]
    for (const ms of durations) answers.count(200, false, ms, 0)
    const { latencies, statuses } = answers.read(50_000)
    expect(latencies).toEqual([3, ...Array.from({ length: 79 }, () => 0), 5])
    expect(statuses).toEqual([0, durations.length, 0, 0, 0])
    expect(answerCount(answers.read(60_001))).toBe(0)
  })

  test('give quantiles of the durations, at most 9 % off, for any durations', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.25, max: 240_000, noNaN: true }), { minLength: 1, maxLength: 200 }),
        fc.constantFrom(0.5, 0.95, 0.99),
        (durations, part) => {
          const answers = new RecentAnswers(0)
          for (const ms of durations) answers.count(200, false, ms, 0)
          const sorted = durations.toSorted((a, b) => a - b)
          const exact = sorted[Math.ceil(durations.length * part) - 1]!
          const told = latencyMs(answers.read(0), part)!
          expect(told / exact).toBeGreaterThan(0.91)
          expect(told / exact).toBeLessThan(1.1)
        },
      ),
    )
  })

  test('have no durations if there were no answers', () => {
    expect(latencyMs(new RecentAnswers(0).read(0), 0.99)).toBeUndefined()
  })

  test('of several processes are added up', () => {
    const [one, other] = [new RecentAnswers(0), new RecentAnswers(0)]
    one.count(200, false, 1, 0)
    other.count(503, true, 4_000, 0)
    const both = sumAnswers([one.read(1_000), other.read(1_000)])
    expect(both).toMatchObject({ windowMs: 1_000, statuses: [0, 1, 0, 0, 1], failed: 1 })
    expect(latencyMs(both, 0.99)).toBeGreaterThan(3_600)
    expect(sumAnswers([])).toEqual({ windowMs: 0, statuses: [0, 0, 0, 0, 0], failed: 0, latencies: [] })
  })

  test('are kept in a total, whose differences are exact however long ago the answers were', () => {
    const answers = new RecentAnswers(0, { ...MINUTE, isTotalled: true })
    for (let n = 0; n < 200; n++) answers.count(n % 10 === 0 ? 500 : 200, n % 10 === 0, n, n * 1_000)
    const before = answers.total(200_000)
    expect(before).toMatchObject({ windowMs: 200_000, statuses: [0, 180, 0, 0, 20], failed: 20 })
    expect(answerCount(answers.read(200_000))).toBeLessThan(61)
    for (let n = 0; n < 50; n++) answers.count(404, false, 700, 200_000 + n * 10_000)
    const after = answers.total(900_000)
    const latencies = after.latencies.map((count, at) => count - (before.latencies[at] ?? 0))
    expect([answerCount({ latencies }), after.statuses[3]]).toEqual([50, 50])
    expect(latencyMs({ latencies }, 0.5)).toBeCloseTo(latencyMs({ latencies }, 0.99)!)
    expect(() => new RecentAnswers(0).total()).toThrow('only if')
  })

  test('are counted without allocation', () => {
    const answers = new RecentAnswers(0, { ...MINUTE, isTotalled: true })
    const count = (from: number): void => {
      for (let n = from; n < from + 100_000; n++) answers.count(200 + (n % 400), n % 7 === 0, n % 3_000, n)
    }
    count(0)
    Bun.gc(true)
    const before = heapStats().objectCount
    count(100_000)
    expect(heapStats().objectCount - before).toBeLessThan(100)
  })
})
