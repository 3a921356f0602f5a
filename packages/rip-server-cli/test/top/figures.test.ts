import { describe, expect, test } from 'bun:test'
import type { TrafficCounts } from '@rip/manager'
import { figuresBetween, processesBetween } from '../../src/top/figures.ts'
import { counts, sample, worker } from './sample.ts'

function statuses(ok: number, failed = 0): TrafficCounts['statuses'] {
  return { '1xx': 0, '2xx': ok, '3xx': 0, '4xx': 0, '5xx': failed }
}

const zeros = (count: number): number[] => Array.from({ length: count }, () => 0)

describe('figures between two looks', () => {
  test('are differences of counts, exact for the time in between', () => {
    const before = sample(0)
    const generations = [
      {
        generation: 'aaaaaaaaaa',
        requests: 190,
        failed: 10,
        latencies: [100, ...zeros(15), 80, ...zeros(15), 10],
      },
    ]
    const after = sample(2_000, { traffic: counts({ statuses: statuses(180, 10), generations }) })
    const figures = figuresBetween(before, after)
    expect(figures).toMatchObject({ of: 'span', windowMs: 2_000, requests: 90, perSecond: 45, failed: 10 })
    expect(figures?.statuses).toEqual(statuses(80, 10))
    // The 100 answers within 0.25 ms were before the first look.
    expect(figures!.p50Ms!).toBeGreaterThan(3)
    expect(figures!.p50Ms!).toBeLessThan(5)
    expect(figures!.p95Ms!).toBeGreaterThan(50)
  })

  test('count answers that the balancer gave itself', () => {
    const after = sample(1_000, { traffic: counts({ statuses: statuses(100, 30) }) })
    expect(figuresBetween(sample(0), after)).toMatchObject({ requests: 30, failed: 0, p50Ms: null })
  })

  test('begin from 0 for a new generation, and leave out one that was forgotten', () => {
    const generations = [{ generation: 'bbbbbbbbbb', requests: 7, failed: 1, latencies: [6, 1] }]
    const after = sample(1_000, { traffic: counts({ statuses: statuses(107), generations }) })
    expect(figuresBetween(sample(0), after)).toMatchObject({ requests: 7, failed: 1 })
  })

  test('are unknown across a new balancer or a new manager, whose counts begin anew', () => {
    const traffic = counts({ balancers: [555], statuses: statuses(5_000) })
    expect(figuresBetween(sample(0), sample(1_000, { traffic }))).toBeUndefined()
    expect(
      figuresBetween(sample(0), sample(1_000, { traffic: counts({ statuses: statuses(3) }) })),
    ).toBeUndefined()
    expect(figuresBetween(sample(0), sample(1_000, { pid: 4 }))).toBeUndefined()
    expect(figuresBetween(sample(0, { traffic: undefined } as object), sample(1_000))).toBeUndefined()
  })

  test('are what workers say where there is no balancer', () => {
    const alone = (requests: number): object => ({ traffic: undefined, workers: [worker(1, { requests })] })
    expect(figuresBetween(sample(0, alone(5)), sample(500, alone(55)))).toMatchObject({
      requests: 50,
      perSecond: 100,
      statuses: null,
      p95Ms: null,
    })
  })
})

describe('processes between two looks', () => {
  test('have the share of a processor and the requests of that time', () => {
    const before = sample(0, {}, { processorMs: new Map([[1_001, 500]]) })
    const workers = [worker(1, { sent: 150 }), worker(3, { sent: 20 })]
    const after = sample(
      1_000,
      { workers },
      {
        processorMs: new Map([
          [1_001, 950],
          [1_003, 10],
        ]),
      },
    )
    const processes = processesBetween(before, after)
    expect(processes.get(1_001)).toEqual({ perSecond: 50, processor: 0.45 })
    expect(processes.get(1_003)).toEqual({ perSecond: 20, processor: undefined })
  })
})
