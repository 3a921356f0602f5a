import { expect, test } from 'bun:test'
import type { BalancerStatus } from '@rip/balancer'
import { trafficOf } from '../../src/front/traffic.ts'

const answers = (windowMs: number, requests: number): object => ({
  windowMs,
  statuses: [0, requests, 0, 0, 0],
  failed: 0,
  latencies: [requests],
})

test('a generation with its first answer is as old as its workers', () => {
  const status = {
    generations: [{ generation: 'g1', answers: answers(100, 1) }],
    pools: [
      {
        backends: [
          { id: 'w1.1', generation: 'g1', inFlight: 0, answers: answers(20_000, 1) },
          { id: 'w2.1', generation: 'g0', inFlight: 0, answers: answers(60_000, 0) },
        ],
      },
    ],
    certificates: [],
  } as unknown as BalancerStatus
  expect(trafficOf([status]).generations).toMatchObject([
    { generation: 'g1', windowMs: 20_000, requests: 1, perSecond: 0.05 },
  ])
})

test('a generation whose workers have gone is as old as its first answer', () => {
  const generations = [{ generation: 'g1', answers: answers(4_000, 8) }]
  const status = { generations, pools: [], certificates: [] } as unknown as BalancerStatus
  expect(trafficOf([status]).generations).toMatchObject([{ windowMs: 4_000, perSecond: 2 }])
})

test('the page of a failed start does not count as a generation', () => {
  const generations = [{ generation: 'failed-start', answers: answers(4_000, 8) }]
  const status = { generations, pools: [], certificates: [] } as unknown as BalancerStatus
  expect(trafficOf([status]).generations).toEqual([])
})
