import { describe, expect, test } from 'bun:test'
import { HISTORY_MS, History, seriesOf } from '../../src/top/history.ts'
import { counts, dataOf, sample } from './sample.ts'

function ok(count: number): { traffic: ReturnType<typeof counts> } {
  return { traffic: counts({ statuses: { '1xx': 0, '2xx': count, '3xx': 0, '4xx': 0, '5xx': 0 } }) }
}

describe('what is known of the last minutes', () => {
  test('has figures of each span, of what there is while that is younger', () => {
    const looks = Array.from({ length: 31 }, (_, n) => sample(n * 1_000, ok(n * n)))
    const { figures } = dataOf(...looks)
    expect(figures.get(1_000)).toMatchObject({ windowMs: 1_000, requests: 900 - 841 })
    expect(figures.get(10_000)).toMatchObject({ windowMs: 10_000, requests: 900 - 400 })
    expect(figures.get(60_000)).toMatchObject({ windowMs: 30_000, requests: 900 })
  })

  test('begins anew with a new balancer instead of inventing a rate', () => {
    const history = new History()
    for (let n = 0; n < 5; n++) history.add(sample(n * 1_000, ok(1_000 * n)))
    const fresh = (count: number): object => ({ traffic: { ...ok(count).traffic, balancers: [77] } })
    expect(history.add(sample(5_000, fresh(3))).figures.get(10_000)).toBeUndefined()
    expect(history.add(sample(6_000, fresh(8))).figures.get(10_000)).toMatchObject({
      requests: 5,
      windowMs: 1_000,
    })
  })

  test('is bounded', () => {
    const history = new History()
    const count = HISTORY_MS / 1_000 + 500
    const all = Array.from({ length: count }, (_, n) => history.add(sample(n * 1_000)))
    expect(all.at(-1)!.points).toHaveLength(HISTORY_MS / 1_000)
  })
})

describe('a series', () => {
  test('keeps every peak, and has holes where the server was away', () => {
    const looks = [0, 1_000, 2_000, 3_000, 40_000, 41_000].map((atMs, n) => sample(atMs, ok(n * n * 100)))
    const { points } = dataOf(...looks)
    const { values, cellMs } = seriesOf(points, ({ perSecond }) => perSecond, 5)
    expect(cellMs).toBe(10_000)
    expect(values[0]).toBe(500)
    expect(values.slice(1, 4)).toEqual([undefined, undefined, undefined])
    expect(values[4]).toBe(900)
  })

  test('does not change what it has shown when the next look comes', () => {
    const looks = Array.from({ length: 200 }, (_, n) => sample(n * 1_000 + 300, ok(n * n)))
    const before = seriesOf(dataOf(...looks.slice(0, 190)).points, ({ perSecond }) => perSecond, 150)
    const after = seriesOf(dataOf(...looks).points, ({ perSecond }) => perSecond, 150)
    expect(after.cellMs).toBe(before.cellMs)
    expect(after.values.slice(55, 144)).toEqual(before.values.slice(60, 149))
  })
})
