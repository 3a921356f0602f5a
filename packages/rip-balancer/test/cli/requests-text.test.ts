import { expect, test } from 'bun:test'
import { RecentAnswers } from '../../src/answers/recent-answers.ts'
import { requestsText } from '../../src/cli/requests-text.ts'

test('requests, routes and failures are tables, the slowest first; a client cannot add lines or drive the terminal', () => {
  const answers = (ms: number) => {
    const counts = new RecentAnswers(0)
    for (let n = 0; n < 10; n++) counts.count(200, false, ms, 1)
    return counts.read(1)
  }
  const text = requestsText(
    {
      inFlight: [
        {
          requestId: 'r1',
          method: 'GET',
          path: '/hang\u001b[2J\nforged',
          phase: 'waiting',
          backend: 'a',
          generation: null,
          ageMs: 4_200,
        },
      ],
      inFlightCount: 3,
      generations: [
        {
          generation: null,
          routes: [
            { route: 'GET /fast', answers: answers(1) },
            { route: 'GET /slow', answers: answers(2_000) },
          ],
        },
      ],
      failures: [
        {
          startedAtMs: 1_000,
          requestId: 'r0',
          method: 'POST',
          path: '/pay',
          status: 502,
          cause: 'connect-failed',
          reason: 'ECONNREFUSED',
          backend: 'b',
          generation: null,
          tookMs: 3,
        },
      ],
    },
    13_000,
  )
  expect(text).not.toContain('\u001b')
  const lines = text.trimEnd().split('\n')
  expect(lines).toHaveLength(11)
  expect(lines[0]).toBe('3 in flight')
  expect(lines[3]).toMatch(/^4\.2 s +GET \/hang.* +waiting +a +r1$/)
  expect(lines[6]).toMatch(/^GET \/slow +10 +0 +(?:1\.9|2\.\d) s /)
  expect(lines[10]).toMatch(/^12\.0 s ago +502 connect-failed +POST \/pay +b +3\.0 ms +r0 +ECONNREFUSED$/)
})
