import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { answerCount, latencyMs, RecentAnswers } from '../../src/answers/recent-answers.ts'
import type { ExchangeRecord } from '../../src/exchange/record.ts'
import { FailedRequests } from '../../src/metrics/failed-requests.ts'
import { routeName, widerRouteName } from '../../src/metrics/route-name.ts'
import { RouteTallies } from '../../src/metrics/route-tallies.ts'
import { requestPath } from '../../src/text/request-path.ts'

const record = (changes: Partial<ExchangeRecord>): ExchangeRecord =>
  ({
    method: 'GET',
    target: '/',
    status: 200,
    cause: 'completed',
    endedAtMs: 0,
    totalMs: 1,
    ...changes,
  }) as ExchangeRecord

const counts = (tallies: RouteTallies): Record<string, number> =>
  Object.fromEntries(tallies.all().map(({ route, answers }) => [route, answerCount(answers)]))

describe('the route of a path', () => {
  test.each([
    ['/orders/7', '/orders/:n'],
    ['/users/123e4567-e89b-12d3-a456-426614174000/orders', '/users/:id/orders'],
    ['/reset/Zm9vYmFy4WJhejE5', '/reset/:id'],
    ['/days/2026-11-29', '/days/:id'],
    ['/api/v2/items', '/api/v2/items'],
    ['/assets/app-4f2e9c1d77.js', '/assets/app-4f2e9c1d77.js'],
    [`/t/${'x'.repeat(41)}`, '/t/:id'],
    ['/1/2/3/4/5/6/7/8/9/10', '/:n/:n/:n/:n/:n/:n/:n/:n/*'],
    ['/a/b/c/d/e/f/g/h', '/a/b/c/d/e/f/g/h'],
    ['/a/b/c/d/e/f/g/h/i', '/a/b/c/d/e/f/g/h/*'],
    ['/a//b/', '/a//b/'],
    ['a/7', 'a/:n'],
    ['/', '/'],
    ['*', '*'],
  ])('%p is %p', (path, route) => {
    expect(routeName(path)).toBe(route)
  })

  test('is wide where there are too many', () => {
    expect(widerRouteName('/blog/how-to')).toBe('/blog/*')
    expect(widerRouteName('/77/b')).toBe('/:n/*')
    expect(widerRouteName('/how-to')).toBe('/*')
  })

  test('never has the query, nor what a proxy puts in front', () => {
    expect(requestPath('/a?token=secret')).toBe('/a')
    expect(requestPath('http://shop.example/a/b?token=secret')).toBe('/a/b')
    expect(requestPath('http://shop.example?token=secret')).toBe('/')
    expect(requestPath(`/${'a'.repeat(500)}`)).toHaveLength(200)
  })
})

describe('routes', () => {
  test('are counted with their latencies and failures', () => {
    const tallies = new RouteTallies()
    for (let n = 0; n < 16; n++) tallies.count(record({ target: `/orders/${n}?page=2` }), false, 3)
    tallies.count(record({ target: '/orders/20', status: 500 }), true, 900)
    const [row] = tallies.all()
    expect(row).toMatchObject({ route: 'GET /orders/:n', answers: { failed: 1, statuses: [0, 16, 0, 0, 1] } })
    expect(latencyMs(row!.answers, 1)).toBeWithin(820, 990)
  })

  test('have a bounded number of rows, and a slow one shows however many other paths there are', () => {
    const tallies = new RouteTallies()
    let nowMs = 0
    for (let n = 0; n < 5_000; n++)
      tallies.count(record({ target: `/a-${n % 7}/page-${n}-x`, endedAtMs: (nowMs += 5) }), false, 1)
    tallies.count(record({ target: '/report/7', endedAtMs: nowMs }), false, 4_000)
    expect(tallies.all().length).toBeLessThanOrEqual(121)
    const slow = tallies.all().filter(({ answers }) => (latencyMs(answers, 1) ?? 0) > 1_000)
    expect(slow.map(({ route }) => route)).toEqual(['GET /report/*'])
  })

  test('that are not there make no rows', () => {
    const tallies = new RouteTallies()
    tallies.count(record({ target: '/users/1' }), false, 1)
    for (const target of ['/users/2', '/wp-login.php', '/.env'])
      tallies.count(record({ target, status: 404 }), false, 1)
    expect(counts(tallies)).toEqual({ 'GET /users/:n': 2, '* (other routes)': 2 })
  })

  test('that nobody asked for in ten minutes make room for others', () => {
    const tallies = new RouteTallies()
    for (let n = 0; n < 100; n++)
      tallies.count(record({ target: `/old${'a'.repeat(n)}`, endedAtMs: n * 10 }), false, 1)
    tallies.count(record({ target: '/new', endedAtMs: 601_000 }), false, 1)
    expect(tallies.all().map(({ route }) => route)).toContain('GET /new')
  })

  test('are told from a part of the requests when there are many, with the number of all', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40_000 }), fc.integer({ min: 0, max: 3 }), (fast, slow) => {
        const tallies = new RouteTallies()
        for (let n = 0; n < fast; n++)
          tallies.count(record({ target: '/fast', endedAtMs: (n / fast) * 2_000 }), false, 1)
        for (let n = 0; n < slow; n++) tallies.count(record({ target: '/slow' }), false, 2_000)
        const { 'GET /fast': seen = 0, 'GET /slow': seenSlow = 0 } = counts(tallies)
        expect(fast - seen).toBeWithin(0, 67)
        expect(seenSlow).toBe(slow)
      }),
      { numRuns: 30 },
    )
  })
})

test('the latest failures are kept, twenty of them, at most twenty a second', () => {
  const failures = new FailedRequests()
  const failed = (n: number, endedAtMs: number): ExchangeRecord =>
    record({
      requestId: `r${n}`,
      target: `/boom/${n}?key=secret`,
      status: 500,
      startedAt: n,
      endedAtMs,
      answers: new RecentAnswers(0),
    })
  for (let n = 0; n < 1_000; n++) failures.note(failed(n, 1))
  expect(failures.all().map(({ requestId }) => requestId)).toEqual(
    Array.from({ length: 20 }, (_, n) => `r${19 - n}`),
  )
  failures.note(failed(1_000, 1_500))
  expect(failures.all()).toHaveLength(20)
  expect(failures.all()[0]).toEqual({
    startedAtMs: 1_000,
    requestId: 'r1000',
    method: 'GET',
    path: '/boom/1000',
    status: 500,
    cause: 'completed',
    reason: null,
    backend: null,
    generation: null,
    tookMs: 1,
  })
})
