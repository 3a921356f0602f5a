import { describe, expect, test } from 'bun:test'
import type { ManagerStatus, TrafficCounts } from '@rip/manager'
import { workerKey } from '../../src/front/traffic.ts'
import { statusWithTraffic } from '../../src/server/status-with-traffic.ts'

const quiet = {
  windowMs: 60_000,
  requests: 0,
  perSecond: 0,
  statuses: { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 },
  failed: 0,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
}

const counts: TrafficCounts = {
  balancers: [7],
  connections: 3,
  queued: 0,
  statuses: quiet.statuses,
  generations: [],
}

const status = {
  health: 'ok',
  healthReasons: [],
  generation: 'g2',
  workers: [{ slot: 1, incarnation: 3, generation: 'g2', inFlight: 0 }],
} as unknown as ManagerStatus

function told(requests: number, failed: number, changes: Partial<ManagerStatus> = {}): ManagerStatus {
  const generations = [
    { generation: 'g1', ...quiet, requests: 9, failed: 9 },
    { generation: 'g2', ...quiet, requests, failed },
  ]
  return statusWithTraffic(
    { ...status, ...changes },
    { generations, workers: new Map(), certificates: [], counts },
  )
}

describe('the status with what the balancers count', () => {
  test('is failing, with the reason, when the answers of the serving code fail', () => {
    const { health, healthReasons } = told(54, 54)
    expect([health, healthReasons]).toEqual(['failing', ['54 of 54 answers (100 %) failed in the last 60 s']])
  })

  test('is ok while few answers fail, or there were too few', () => {
    expect([told(100, 3).health, told(4, 4).health, told(0, 0).health]).toEqual(['ok', 'ok', 'ok'])
  })

  test('names a certificate that is about to expire, and a renewed one that is refused', () => {
    const served = {
      file: 'shop.pem',
      names: ['shop.test'],
      validFromMs: 0,
      expiresAtMs: Date.now() + 3.5 * 86_400_000,
      problem: 'it expired on 2025-01-01',
    }
    const traffic = { generations: [], workers: new Map(), certificates: [served], counts }
    expect(statusWithTraffic(status, traffic)).toMatchObject({
      health: 'ok',
      healthReasons: [
        expect.stringMatching(/^the certificate shop\.pem expires in 3 days, on \d{4}-\d\d-\d\d$/),
        'the certificate on disk, shop.pem, is not used: it expired on 2025-01-01',
      ],
      certificates: [served],
    })
  })

  test('keeps a worse health', () => {
    expect(told(54, 54, { health: 'crash-loop', healthReasons: ['0 of 2 workers are ready'] })).toMatchObject(
      {
        health: 'crash-loop',
        healthReasons: ['0 of 2 workers are ready', '54 of 54 answers (100 %) failed in the last 60 s'],
      },
    )
  })

  test('has the requests in flight from the balancers, because a stuck worker reports none', () => {
    const workers = new Map([
      [workerKey('g2', 'w1.3'), { inFlight: 4, answers: quiet, sent: 9, maxInFlight: 8 }],
    ])
    expect(statusWithTraffic(status, { generations: [], workers, certificates: [], counts })).toMatchObject({
      traffic: counts,
      workers: [{ slot: 1, inFlight: 4, answers: quiet, sent: 9, maxInFlight: 8 }],
    })
  })
})
