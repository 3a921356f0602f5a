import { describe, expect, test } from 'bun:test'
import { sumMetrics } from '../../src/admin/sum.ts'
import type { ExchangeRecord } from '../../src/exchange/record.ts'
import { COUNTED_METHODS, methodNumber } from '../../src/http1/method-number.ts'
import { RequestHead } from '../../src/http1/request-head.ts'
import { RequestDurations } from '../../src/metrics/request-durations.ts'

const NAME = 'http_server_request_duration_seconds'

/** The members that are read. */
const record = (changes: Partial<ExchangeRecord>): ExchangeRecord =>
  ({
    methodNumber: 1,
    scheme: 'http',
    status: 200,
    held: false,
    queueMs: 0,
    responseMs: 0,
    totalMs: 2,
    ...changes,
  }) as ExchangeRecord

function linesOf(durations: RequestDurations): string[] {
  return durations.conventionalLines(NAME)
}

describe('durations of requests', () => {
  test('have names, labels and buckets of the OpenTelemetry conventions', () => {
    const durations = new RequestDurations()
    durations.count(record({ totalMs: 60 }))
    durations.count(record({ totalMs: 8_000 }))
    durations.count(record({ methodNumber: COUNTED_METHODS.indexOf('POST'), status: 503, scheme: 'https' }))
    const lines = linesOf(durations)
    const get = 'http_request_method="GET",http_response_status_code="200",url_scheme="http"'
    const bounds = lines
      .filter((line) => line.startsWith(`${NAME}_bucket{${get}`))
      .map((line) => line.split('le=')[1])
    expect(bounds).toEqual([
      '"0.005"} 0',
      '"0.01"} 0',
      '"0.025"} 0',
      '"0.05"} 0',
      '"0.075"} 1',
      '"0.1"} 1',
      '"0.25"} 1',
      '"0.5"} 1',
      '"0.75"} 1',
      '"1"} 1',
      '"2.5"} 1',
      '"5"} 1',
      '"7.5"} 1',
      '"10"} 2',
      '"+Inf"} 2',
    ])
    expect(lines).toContain(`${NAME}_sum{${get}} 8.06`)
    expect(lines).toContain(
      `${NAME}_count{http_request_method="POST",http_response_status_code="503",url_scheme="https"} 1`,
    )
  })

  test('are the same requests in our own buckets', () => {
    const durations = new RequestDurations()
    for (const totalMs of [0.5, 60, 60, 40_000]) durations.count(record({ totalMs }))
    durations.count(record({ status: 404, totalMs: 20_000 }))
    expect(durations.totalLines('own')).toEqual([
      'own_bucket{le="0.001"} 1',
      'own_bucket{le="0.0025"} 1',
      'own_bucket{le="0.005"} 1',
      'own_bucket{le="0.01"} 1',
      'own_bucket{le="0.025"} 1',
      'own_bucket{le="0.05"} 1',
      'own_bucket{le="0.1"} 3',
      'own_bucket{le="0.25"} 3',
      'own_bucket{le="0.5"} 3',
      'own_bucket{le="1"} 3',
      'own_bucket{le="2.5"} 3',
      'own_bucket{le="5"} 3',
      'own_bucket{le="10"} 3',
      'own_bucket{le="30"} 4',
      'own_bucket{le="+Inf"} 5',
      'own_sum 60.1205',
      'own_count 5',
    ])
  })

  test('of a WebSocket or an event stream end with the head of the answer, however long it stays open', () => {
    const durations = new RequestDurations()
    durations.count(record({ status: 101, held: true, queueMs: 2, responseMs: 3, totalMs: 3_600_000 }))
    expect(durations.totalLines('own')).toContain('own_sum 0.005')
  })

  test('have a bounded number of series whatever clients send, and none is lost', () => {
    const durations = new RequestDurations()
    let requests = 0
    for (let status = 0; status < 700; status++)
      for (let method = 0; method < COUNTED_METHODS.length; method++)
        for (const scheme of ['http', 'https'] as const) {
          durations.count(record({ status, scheme, methodNumber: method }))
          requests++
        }
    const counts = linesOf(durations).filter((line) => line.startsWith(`${NAME}_count`))
    expect(counts.length).toBeLessThan(50)
    expect(counts.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)).toBe(requests)
    const rest = 'http_request_method="_OTHER",http_response_status_code="4xx",url_scheme="https"'
    expect(counts.find((line) => line.includes(rest))).toBeString()
  })

  test('of several processes add up', () => {
    const durations = new RequestDurations()
    durations.count(record({ totalMs: 60 }))
    const text = `${linesOf(durations).join('\n')}\n`
    expect(sumMetrics([text, text])).toContain('url_scheme="http",le="0.1"} 2\n')
  })
})

test('methods are counted by name if they are known, whatever their case says otherwise', () => {
  const numberOf = (method: string): string => {
    const head = new RequestHead({ maxLineBytes: 1_000, maxHeadBytes: 1_000, maxFields: 10 })
    const bytes = Buffer.from(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`)
    head.feed(bytes, 0, bytes.length)
    return COUNTED_METHODS[methodNumber(head)]!
  }
  for (const method of COUNTED_METHODS.slice(1)) expect(numberOf(method)).toBe(method)
  for (const method of ['get', 'GETS', 'PURGE', '_OTHER']) expect(numberOf(method)).toBe('_OTHER')
})
