import { describe, expect, test } from 'bun:test'
import { resolveConfig } from '../../src/config/resolve-config.ts'
import { BODY_TOO_LARGE } from '../../src/exchange/failure.ts'
import type { EndCause, ExchangeRecord } from '../../src/exchange/record.ts'
import { LimitReports } from '../../src/log/limit-reports.ts'
import { REPORT_PAUSE_MS } from '../../src/log/report-pace.ts'

class Reported {
  readonly told: string[] = []
  nowMs = 5
  readonly reports: LimitReports

  constructor() {
    const config = resolveConfig({})
    this.reports = new LimitReports({
      limits: () => config,
      warn: (message) => this.told.push(message),
      now: () => this.nowMs,
    })
  }

  ended(cause: EndCause, status: number, record: Partial<ExchangeRecord> = {}): this {
    this.reports.ended({ method: 'POST', target: '/a?token=1', cause, status, ...record } as ExchangeRecord)
    return this
  }
}

describe('a limit that refused a request is reported', () => {
  test.each([
    [
      'answered',
      413,
      "POST /a was refused with 413: the balancer's limits.body is 10 MiB; --max-body raises it",
    ],
    ['bad-request', 413, 'limits.body is 10 MiB'],
    ['bad-request', 431, 'limits.head is 32 KiB, limits.line 32 KiB, limits.fields 100'],
    ['bad-request', 414, 'limits.head is 32 KiB'],
    ['queue-full', 503, 'queue.length is 1024'],
    ['queue-timeout', 503, 'queue.timeout is 30 s'],
    ['long-lived-backend', 503, "the balancer's limits.longLived allows, 9000"],
    ['long-lived-address', 503, "the balancer's limits.longLivedPerAddress allows, 1800"],
    ['long-lived-total', 503, "the balancer's limits.connections is 10000"],
    ['client-timeout', 408, 'timeouts.body is 30 s, limits.bodyRate 512 bytes per second'],
    ['response-timeout', 504, 'timeouts.response is 60 s, timeouts.total off'],
    [
      'response-timeout',
      200,
      "POST /a was cut off: the balancer's timeouts.responseIdle is 60 s, timeouts.total off",
    ],
  ] as const)('%s with %i', (cause, status, text) => {
    const { told } = new Reported().ended(cause, status)
    expect(told).toHaveLength(1)
    expect(told[0]).toContain(text)
    expect(told[0]).not.toContain('token')
  })

  test('as the limit of bodies when the response had begun', () => {
    const { told } = new Reported().ended('bad-request', 200, { reason: BODY_TOO_LARGE })
    expect(told).toEqual(["POST /a was cut off: the balancer's limits.body is 10 MiB; --max-body raises it"])
  })

  test('as the time for the head when there was no head yet', () => {
    const { told } = new Reported().ended('client-timeout', 408, { method: '' })
    expect(told).toEqual(["a request was refused with 408: the balancer's timeouts.header is 10 s"])
  })

  test('when it is a limit of connections', () => {
    const { reports, told } = new Reported()
    reports.connection('refused-total')
    reports.connection('refused-address')
    reports.connection('opened')
    expect(told.map((text) => /limits\.\w+ is \d+/.exec(text)?.[0])).toEqual([
      'limits.connections is 10000',
      'limits.connectionsPerAddress is 2000',
    ])
  })

  test('at most once a minute, each limit separately, with the number of refusals in between', () => {
    const reported = new Reported()
    for (let n = 0; n < 5; n++) reported.ended('answered', 413).ended('queue-full', 503)
    expect(reported.told).toHaveLength(2)
    reported.nowMs += REPORT_PAUSE_MS
    reported.ended('answered', 413)
    expect(reported.told[2]).toStartWith('POST /a was refused with 413, and 4 more before: ')
    reported.ended('answered', 413)
    expect(reported.told).toHaveLength(3)
  })
})

test('answers of applications, and malformed requests, are not reported as limits', () => {
  const reported = new Reported()
  reported.ended('completed', 413).ended('completed', 503).ended('bad-request', 400).ended('no-backend', 503)
  reported.ended('client-gone', 499).ended('answered', 405)
  expect(reported.told).toEqual([])
})
