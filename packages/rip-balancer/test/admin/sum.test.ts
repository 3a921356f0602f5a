import { describe, expect, test } from 'bun:test'
import { sumComparisons, sumMetrics, sumPools, sumTallies } from '../../src/admin/sum.ts'
import { Metrics } from '../../src/metrics/metrics.ts'
import type { BackendStatus, PoolStatus } from '../../src/pool/pool-status.ts'

const answers = { windowMs: 60_000, statuses: [0, 10, 0, 0, 0], failed: 0, latencies: [10] }
const twice = { windowMs: 60_000, statuses: [0, 20, 0, 0, 0], failed: 0, latencies: [20] }

const backend = (changes: Partial<BackendStatus>): BackendStatus => ({
  id: 'a',
  address: 'unix:/a',
  generation: 'g1',
  state: 'serving',
  reason: null,
  inFlight: 1,
  tunnels: 2,
  eventStreams: 3,
  lanes: 1,
  laneStreams: 10,
  maxInFlight: 5,
  weight: 1,
  requests: 10,
  failures: 1,
  answers,
  ...changes,
})

const pool = (backends: readonly BackendStatus[]): PoolStatus => ({
  name: 'app',
  generation: 'g1',
  queued: 2,
  inFlight: 3,
  tunnels: 5,
  eventStreams: 7,
  lanes: 2,
  laneStreams: 20,
  ejections: 1,
  backends,
})

describe('the sum of several processes', () => {
  test('adds the figures of the same clients, and keeps kinds of requests apart, which each process numbers differently', () => {
    const group = { history: 3, requests: 2, failed: 1, requestsBefore: 4, failedBefore: 0, refusedBefore: 1 }
    const one = { kinds: [{ group: 5, ...group }], clients: [{ group: 1, ...group }] }
    expect(sumComparisons([one, one])).toEqual({
      kinds: [one.kinds[0]!, one.kinds[0]!],
      clients: [
        {
          group: 1,
          history: 6,
          requests: 4,
          failed: 2,
          requestsBefore: 8,
          failedBefore: 0,
          refusedBefore: 2,
        },
      ],
    })
  })

  test('adds counts, and shows the state that differs from the usual one', () => {
    const one = pool([backend({}), backend({ id: 'b' })])
    const other = pool([backend({ state: 'ejected' }), backend({ id: 'b', generation: 'g0' })])
    expect(sumPools([[one], [other]])).toEqual([
      {
        ...pool([
          backend({
            state: 'ejected',
            inFlight: 2,
            tunnels: 4,
            eventStreams: 6,
            lanes: 2,
            laneStreams: 20,
            maxInFlight: 10,
            requests: 20,
            failures: 2,
            answers: twice,
          }),
          backend({ id: 'b' }),
          backend({ id: 'b', generation: 'g0' }),
        ]),
        queued: 4,
        inFlight: 6,
        tunnels: 10,
        eventStreams: 14,
        lanes: 4,
        laneStreams: 40,
        ejections: 2,
      },
    ])
  })

  test('adds the answers of each generation', () => {
    const one = [{ generation: 'g1', requests: 10, errors: 1, answers, total: answers }]
    const other = [...one, { generation: 'g2', requests: 5, errors: 0, answers, total: answers }]
    expect(sumTallies([one, other])).toEqual([
      { generation: 'g1', requests: 20, errors: 2, answers: twice, total: twice },
      { generation: 'g2', requests: 5, errors: 0, answers, total: answers },
    ])
  })

  test('of metrics has each series once, after its family', () => {
    const first = new Metrics()
    first.connection('opened')
    const second = new Metrics()
    second.connection('opened')
    second.connection('idle-timeout')
    const texts = [
      first.render({ pools: () => [pool([backend({})])] }),
      second.render({ pools: () => [pool([backend({ state: 'ejected' }), backend({ id: 'b' })])] }),
    ]
    const lines = sumMetrics(texts).split('\n')
    expect(new Set(lines).size).toBe(lines.length)
    for (const line of [
      'rip_connections 2',
      'rip_connection_events_total{event="opened"} 2',
      'rip_connection_events_total{event="idle-timeout"} 1',
      'rip_backend_requests_total{pool="app",backend="a"} 20',
      'rip_backend_up{pool="app",backend="a"} 0',
      'rip_backend_up{pool="app",backend="b"} 1',
      'rip_request_seconds_bucket{le="+Inf"} 0',
    ])
      expect(lines).toContain(line)
    expect(lines.indexOf('rip_connection_events_total{event="idle-timeout"} 1')).toBeLessThan(
      lines.indexOf('# TYPE rip_request_seconds histogram'),
    )
    expect(lines.at(-1)).toBe('')
  })

  test('of one process equals its figures', () => {
    const text = new Metrics().render({ pools: () => [pool([backend({})])] })
    expect(sumMetrics([text])).toBe(text)
  })
})
