import { describe, expect, test } from 'bun:test'
import type { EndCause, ExchangeRecord } from '../../src/exchange/record.ts'
import { LossReports } from '../../src/log/loss-reports.ts'
import { REPORT_PAUSE_MS } from '../../src/log/report-pace.ts'

class Reported {
  readonly told: string[] = []
  nowMs = 5
  readonly reports = new LossReports({
    warn: (message) => this.told.push(message),
    now: () => this.nowMs,
  })

  ended(cause: EndCause, backend = 'w1.1', reason?: string): this {
    const record = { method: 'GET', target: '/crash?token=1', status: 502, backend, cause, reason }
    this.reports.ended(record as ExchangeRecord)
    return this
  }
}

describe('a request that was lost with its backend', () => {
  test('is named, without its query', () => {
    expect(new Reported().ended('backend-reset').told).toEqual([
      'GET /crash was lost: backend w1.1 closed the connection before its response was complete',
    ])
  })

  test('is named with what makes the response impossible to pass on, and each of these by itself', () => {
    const reported = new Reported()
    for (const what of ['several fields Content-Length', 'no head', 'no head'])
      reported.ended('bad-response', 'w1.1', what)
    expect(reported.told).toEqual([
      'GET /crash was lost: backend w1.1 gave a response that is not valid HTTP: it has several fields Content-Length',
      'GET /crash was lost: backend w1.1 gave a response that is not valid HTTP: it has no head',
    ])
  })

  test('is one line, whatever the backend is called', () => {
    expect(new Reported().ended('backend-reset', 'a\nb').told[0]).not.toContain('\n')
  })

  test('is named at most once a minute, with the number of those in between', () => {
    const reported = new Reported()
    for (let n = 0; n < 4; n++) reported.ended('backend-reset')
    expect(reported.told).toHaveLength(1)
    reported.nowMs += REPORT_PAUSE_MS
    reported.ended('backend-reset')
    expect(reported.told[1]).toStartWith('GET /crash was lost, and 3 more before: ')
  })

  test('is none that ended otherwise', () => {
    const causes: readonly EndCause[] = [
      'completed',
      'answered',
      'client-gone',
      'connect-failed',
      'queue-full',
    ]
    const reported = new Reported()
    for (const cause of causes) reported.ended(cause)
    expect(reported.told).toEqual([])
  })
})
