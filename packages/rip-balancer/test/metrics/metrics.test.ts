import { describe, expect, test } from 'bun:test'
import type { ExchangeRecord } from '../../src/exchange/record.ts'
import { sumMetrics } from '../../src/admin/sum.ts'
import { latencyMs, RecentAnswers } from '../../src/answers/recent-answers.ts'
import { Metrics } from '../../src/metrics/metrics.ts'

const ended = (changes: Partial<ExchangeRecord>): ExchangeRecord => ({
  startedAt: 0,
  method: 'GET',
  target: '/',
  host: 'example.com',
  protocol: 'HTTP/1.1',
  scheme: 'http',
  clientAddress: '192.0.2.1',
  requestId: 'r1',
  userAgent: '',
  referer: '',
  status: 200,
  cause: 'completed',
  bytesSent: 100,
  bytesReceived: 10,
  backend: 'a',
  reason: undefined,
  generation: 'g1',
  kind: 0,
  lot: 0,
  lotFailed: false,
  methodNumber: 1,
  held: false,
  answers: new RecentAnswers(0),
  endedAtMs: 0,
  retries: 0,
  queueMs: 0,
  responseMs: 1,
  totalMs: 2,
  ...changes,
})

const render = (metrics: Metrics): string[] => metrics.render({ pools: () => [] }).split('\n')

describe('metrics', () => {
  test('count requests, bytes and retries', () => {
    const metrics = new Metrics()
    metrics.started()
    metrics.started()
    metrics.ended(ended({}))
    metrics.ended(ended({ status: 502, cause: 'connect-failed', retries: 1, protocol: 'HTTP/2.0' }))
    const lines = render(metrics)
    for (const line of [
      'rip_requests_total{status="2xx"} 1',
      'rip_requests_total{status="5xx"} 1',
      'rip_requests_by_protocol_total{protocol="HTTP/1.1"} 1',
      'rip_requests_by_protocol_total{protocol="HTTP/2.0"} 1',
      'rip_requests_by_protocol_total{protocol="unknown"} 0',
      'rip_exchanges_total{cause="connect-failed"} 1',
      'rip_requests_in_flight 0',
      'rip_retries_total 1',
      'rip_sent_bytes_total 200',
      'rip_received_bytes_total 20',
    ])
      expect(lines).toContain(line)
    expect([metrics.requests, metrics.serverErrors]).toEqual([2, 1])
  })

  test('have the recent answers of each backend, and how long it took even where no answer came', () => {
    const metrics = new Metrics()
    const answers = new RecentAnswers(0)
    metrics.ended(ended({ answers, status: 200, responseMs: 1_000, totalMs: 60_000 }))
    metrics.ended(ended({ answers, status: 504, cause: 'response-timeout', responseMs: 0, totalMs: 5_000 }))
    metrics.ended(ended({ answers, status: 499, cause: 'client-gone' }))
    const lately = answers.read(1_000)
    expect([lately.statuses, lately.failed]).toEqual([[0, 1, 0, 0, 1], 1])
    expect(Math.abs(latencyMs(lately, 0.5)! / 1_000 - 1)).toBeLessThan(0.1)
    expect(Math.abs(latencyMs(lately, 0.99)! / 5_000 - 1)).toBeLessThan(0.1)
    expect(metrics.generations.all()[0]!.answers.statuses).toEqual([0, 1, 0, 0, 1])
  })

  test('have the answers of the backends of each generation, whatever the client did', () => {
    const metrics = new Metrics()
    metrics.ended(ended({}))
    metrics.ended(ended({ status: 500 }))
    metrics.ended(ended({ status: 200, cause: 'backend-reset' }))
    metrics.ended(ended({ status: 499, cause: 'client-gone' }))
    metrics.ended(ended({ generation: 'g2', status: 404 }))
    metrics.ended(ended({ generation: undefined, answers: undefined, status: 503, cause: 'no-backend' }))
    expect(metrics.generations.all()).toMatchObject([
      { generation: 'g1', requests: 3, errors: 2 },
      { generation: 'g2', requests: 1, errors: 0 },
    ])
  })

  test('do not count requests that clients break off, delay or send malformed', () => {
    const metrics = new Metrics()
    for (const cause of ['client-gone', 'client-timeout', 'bad-request', 'closing', 'local-failure'] as const)
      metrics.ended(ended({ status: 502, cause }))
    // Refused before a backend was chosen: no generation had it.
    for (const status of [400, 405, 413, 414, 431, 501, 505])
      metrics.ended(ended({ status, cause: 'answered', generation: undefined, backend: undefined }))
    expect(metrics.generations.all()).toEqual([])
  })

  test('have the results of lots, by kind and by client, beside earlier good answers', () => {
    const metrics = new Metrics()
    const { generations } = metrics
    for (let n = 0; n < 3; n++) metrics.ended(ended({ kind: 7 }))
    metrics.ended(ended({ kind: 8, status: 404 }))
    expect(generations.compared(1, 'g1').kinds).toEqual([
      { group: 7, history: 3, requests: 0, failed: 0, requestsBefore: 0, failedBefore: 0, refusedBefore: 0 },
    ])
    metrics.ended(ended({ kind: 7, lot: -1, status: 400 }))
    metrics.ended(ended({ kind: 7, lot: -1, status: 500 }))
    metrics.ended(ended({ kind: 7, lot: 1, status: 200, cause: 'backend-reset', generation: 'g2' }))
    metrics.ended(ended({ kind: 7, lot: 1, generation: 'g2', clientAddress: '192.0.2.2' }))
    metrics.ended(ended({ kind: 7, lot: 1, generation: 'g2', cause: 'client-gone' }))
    metrics.ended(ended({ kind: 7, lot: 1, generation: 'g1', lotFailed: true }))
    metrics.ended(ended({ kind: 7, lot: 9, generation: 'g2', status: 500 }))
    const { kinds, clients } = generations.compared(1, 'g1')
    expect(kinds).toEqual([
      { group: 7, history: 3, requests: 3, failed: 2, requestsBefore: 2, failedBefore: 1, refusedBefore: 1 },
    ])
    expect(new Set(clients.map(({ requests, history }) => `${requests} of ${history}`))).toEqual(
      new Set(['2 of 3', '1 of 0']),
    )
    expect(generations.compared(2, 'g1').kinds).toMatchObject([{ history: 3, requests: 0 }])
  })

  test('remember the last few generations only', () => {
    const metrics = new Metrics()
    for (let n = 0; n < 100; n++) metrics.ended(ended({ generation: `g${n}` }))
    expect(metrics.generations.all().map(({ generation }) => generation)).toEqual(
      Array.from({ length: 8 }, (_, n) => `g${92 + n}`),
    )
  })

  test('put durations into cumulative buckets, upper bound included', () => {
    const metrics = new Metrics()
    for (const totalMs of [0.5, 1, 1.1, 60_000]) metrics.ended(ended({ totalMs }))
    const lines = render(metrics)
    for (const line of [
      'rip_request_seconds_bucket{le="0.001"} 2',
      'rip_request_seconds_bucket{le="0.0025"} 3',
      'rip_request_seconds_bucket{le="30"} 3',
      'rip_request_seconds_bucket{le="+Inf"} 4',
      'rip_request_seconds_count 4',
    ])
      expect(lines).toContain(line)
    expect(
      Number(lines.find((line) => line.startsWith('rip_request_seconds_sum'))?.split(' ')[1]),
    ).toBeCloseTo(60.0026)
  })

  test('have no label a client can invent, and one line for each series', () => {
    const metrics = new Metrics()
    for (let n = 0; n < 100; n++)
      metrics.ended(
        ended({ method: `M${n}`, target: `/${n}`, host: `h${n}`, userAgent: `u${n}`, status: 100 + n * 5 }),
      )
    const series = render(metrics).filter((line) => !line.startsWith('#'))
    expect(series.length).toBeLessThan(730)
    expect(new Set(series.map((line) => line.split(' ')[0])).size).toBe(series.length)
  })
  test('keep one line for each series, with any names of pools and backends', () => {
    const name = 'a\nb\rc"d\\e\u2028f\u0085g h{} 1'
    const member = { address: 'unix:/b', generation: null, state: 'serving' as const, reason: null }
    const counts = {
      inFlight: 0,
      tunnels: 0,
      eventStreams: 0,
      lanes: 2,
      laneStreams: 9,
      maxInFlight: 1,
      weight: 1,
      requests: 7,
      failures: 0,
      answers: new RecentAnswers().read(),
    }
    const pool = {
      name,
      generation: null,
      queued: 0,
      inFlight: 0,
      tunnels: 0,
      eventStreams: 0,
      lanes: 2,
      laneStreams: 9,
      ejections: 0,
    }
    const text = new Metrics().render({
      pools: () => [{ ...pool, backends: [{ ...member, ...counts, id: name }] }],
    })
    const label = String.raw`"a\nb\\x0dc\"d\\e\\u2028f\\x85g h{} 1"`
    const series = `rip_backend_requests_total{pool=${label},backend=${label}} `
    expect(
      text.split(/[\n\r\u0085\u2028]/).filter((line) => line.startsWith('rip_backend_requests')),
    ).toEqual([`${series}7`])
    expect(sumMetrics([text, text])).toContain(`${series}14\n`)
  })
})
