import { expect, test } from 'bun:test'
import type { BalancerStatus } from '@rip/balancer'
import { trafficOf } from '../../src/front/traffic.ts'

const answers = (windowMs: number, requests: number): object => ({
  windowMs,
  statuses: [0, requests, 0, 0, 0],
  failed: 0,
  latencies: [requests],
})

const generation = (name: string, windowMs: number, requests: number): object => ({
  generation: name,
  answers: answers(windowMs, requests),
  total: answers(windowMs, requests),
})

const COUNTS = { processes: [7], connections: 2, statuses: [0, 5, 0, 1, 2], certificates: [] }

test('a generation with its first answer is as old as its workers', () => {
  const status = {
    ...COUNTS,
    generations: [generation('g1', 100, 1)],
    pools: [
      {
        backends: [
          { id: 'w1.1', generation: 'g1', inFlight: 0, answers: answers(20_000, 1) },
          { id: 'w2.1', generation: 'g0', inFlight: 0, answers: answers(60_000, 0) },
        ],
      },
    ],
  } as unknown as BalancerStatus
  expect(trafficOf([status]).generations).toMatchObject([
    { generation: 'g1', windowMs: 20_000, requests: 1, perSecond: 0.05 },
  ])
})

test('a generation whose workers have gone is as old as its first answer', () => {
  const generations = [generation('g1', 4_000, 8)]
  const status = { ...COUNTS, generations, pools: [] } as unknown as BalancerStatus
  expect(trafficOf([status]).generations).toMatchObject([{ windowMs: 4_000, perSecond: 2 }])
})

test('the page of a failed start does not count as a generation', () => {
  const generations = [generation('failed-start', 4_000, 8)]
  const status = { ...COUNTS, generations, pools: [] } as unknown as BalancerStatus
  expect(trafficOf([status])).toMatchObject({ generations: [], counts: { generations: [] } })
})

test('counts of several balancers are those of one', () => {
  const status = {
    ...COUNTS,
    generations: [generation('g1', 4_000, 8)],
    pools: [
      {
        queued: 3,
        backends: [
          { id: 'w1.1', generation: 'g1', inFlight: 1, requests: 6, maxInFlight: 4, answers: answers(9, 1) },
        ],
      },
    ],
  } as unknown as BalancerStatus
  const { counts, workers } = trafficOf([status, { ...status, processes: [8] }])
  expect(counts).toEqual({
    balancers: [7, 8],
    connections: 4,
    queued: 6,
    statuses: { '1xx': 0, '2xx': 10, '3xx': 0, '4xx': 2, '5xx': 4 },
    generations: [{ generation: 'g1', requests: 16, failed: 0, latencies: [16] }],
  })
  expect(workers.get('g1 w1.1')).toMatchObject({ inFlight: 2, sent: 12, maxInFlight: 8 })
})
