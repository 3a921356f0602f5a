import { describe, expect, test } from 'bun:test'
import type { RequestFailure, RequestUnderWay, RouteAnswers, WorkerState } from '@rip/manager'
import fc from 'fast-check'
import { frame } from '../../src/top/frame.ts'
import { panelHeights } from '../../src/top/panel-lines.ts'
import type { Picture } from '../../src/top/picture.ts'
import type { Data } from '../../src/top/history.ts'
import { INITIAL_VIEW, PANELS, type View } from '../../src/top/view.ts'
import { cellsOf, lineCells } from '../../src/terminal/styled-line.ts'
import { counts, dataOf, NO_REQUESTS, sample, WALL_MS, worker } from './sample.ts'

const WIDTHS = [40, 60, 80, 100, 200]

function picture(data: Data | undefined, changes: Partial<Picture> = {}): Picture {
  const nowMs = data?.sample.wallMs ?? WALL_MS
  return {
    data,
    events: [],
    trouble: undefined,
    logged: [],
    nowMs,
    hasKeys: true,
    staleAfterMs: 3_000,
    ...changes,
  }
}

function shown(of: Picture, view: Partial<View> = {}, columns = 80, rows = 24): string[] {
  const lines = frame(of, { ...INITIAL_VIEW, ...view }, { columns, rows })
  return lines.map(({ spans }) => spans.map(({ text }) => text).join(''))
}

function route(name: string, changes: Partial<RouteAnswers> = {}): RouteAnswers {
  return {
    route: name,
    generation: 'aaaaaaaaaa',
    windowMs: 300_000,
    requests: 10,
    perSecond: 1,
    statuses: counts().statuses,
    failed: 0,
    p50Ms: 1,
    p95Ms: 20,
    p99Ms: 30,
    maxMs: 40,
    ...changes,
  }
}

function failure(path: string, changes: Partial<RequestFailure> = {}): RequestFailure {
  return {
    atMs: WALL_MS - 5_000,
    requestId: `id-${path}`,
    method: 'GET',
    path,
    status: 500,
    cause: 'completed',
    reason: null,
    worker: 'w1.1',
    generation: 'aaaaaaaaaa',
    tookMs: 12,
    ...changes,
  }
}

function underWay(path: string, changes: Partial<RequestUnderWay> = {}): RequestUnderWay {
  const request = { requestId: `id-${path}`, method: 'GET', path, phase: 'waiting', worker: 'w1.1' }
  return { ...request, generation: 'aaaaaaaaaa', ageMs: 700, ...changes }
}

/** A second with 50 answers, 5 of which failed. */
function busy(): Data {
  const requests = {
    underWay: [
      underWay('/slow'),
      underWay('/other', { worker: 'w2.1' }),
      underWay('/queued', { worker: null, phase: 'queued' }),
    ],
    underWayCount: 120,
    routes: [route('GET /fast', { p95Ms: 2 }), route('GET /report/:n', { p95Ms: 900, failed: 3 })],
    failures: [failure('/boom')],
  }
  const traffic = counts({
    queued: 3,
    statuses: { '1xx': 0, '2xx': 140, '3xx': 0, '4xx': 5, '5xx': 5 },
    generations: [{ generation: 'aaaaaaaaaa', requests: 150, failed: 5, latencies: [100, 0, 0, 0, 50] }],
  })
  const workers = [worker(1, { sent: 130, inFlight: 8, loopLagMs: 300 }), worker(2, { sent: 120 })]
  return dataOf(
    sample(0, {}, { processorMs: new Map([[1_001, 0]]) }),
    sample(1_000, { traffic, workers }, { requests, processorMs: new Map([[1_001, 900]]) }),
  )
}

describe('a frame', () => {
  test.each(WIDTHS)(
    'of %i columns has the figures, within its width, and a row for each of its height',
    (columns) => {
      const lines = shown(picture(busy()), {}, columns, 30)
      expect(lines).toHaveLength(30)
      for (const text of lines) expect(cellsOf(text)).toBeLessThanOrEqual(columns)
      const text = lines.join('\n')
      for (const figure of [
        'shop',
        '50 per second',
        '5xx 5.0',
        '5 failed, 10 %',
        '3 queued, oldest 700 ms',
        'w1.1',
        '90 %',
        '8/8',
        '900 ms',
        '/boom',
      ])
        expect(text).toContain(figure)
    },
  )

  test('says which span its figures are of, and where percentiles come from', () => {
    expect(shown(picture(busy()))[1]).toContain('(last 1.0 s)')
    expect(shown(picture(dataOf(sample(0))))[1]).toContain('not counted yet')
  })

  test('has the slowest routes first, and the worker with the most processor where it is asked for', () => {
    const lines = shown(picture(busy()))
    const at = (text: string): number => lines.findIndex((each) => each.includes(text))
    expect(at('/report/:n')).toBeLessThan(at('GET /fast'))
    const sorting = { ...INITIAL_VIEW.sorting, workers: { by: 'req/s', isDescending: false } }
    const sorted = shown(picture(busy()), { sorting }, 100)
    expect(sorted.findIndex((each) => each.startsWith('w2.1'))).toBeLessThan(
      sorted.findIndex((each) => each.startsWith('w1.1')),
    )
  })

  test('shows rows with the text of the filter only, and says so', () => {
    const lines = shown(picture(busy()), { filter: 'REPORT' })
    expect(lines.filter((text) => text.includes('/report/:n'))).toHaveLength(1)
    expect(lines.join('\n')).not.toContain('GET /fast')
    expect(lines.join('\n')).toContain('no worker with "REPORT"')
    expect(lines.at(-1)).toContain('filter "REPORT"')
  })

  test('shows the requests of a worker and those that wait, and how many are not named', () => {
    const text = shown(picture(busy()), { worker: 'w1.1' }).join('\n')
    expect(text).toMatch(/700 ms {2}GET \/slow +waits for its answer/)
    expect(text).toMatch(/GET \/queued +waits for a worker/)
    expect(text).not.toContain('/other')
    expect(text).toContain('of all workers, 117 younger ones are not named')
    expect(shown(picture(busy()), { worker: 'w2.0' }).join('\n')).toContain(
      'w2.0 has gone; w2.1 has its place',
    )
  })

  test('shows a failed request with what the log has of it, as text that cannot harm', () => {
    const view: Partial<View> = { panel: 'failures', failure: 'id-/boom' }
    const logged = ['error: no money\u001b[2J', 'x'.repeat(100)]
    const lines = shown(picture(busy(), { logged }), view)
    expect(lines[1]).toBe('GET /boom')
    expect(lines.slice(1).join('\n')).toMatch(
      /^500 {2}worker w1\.1 {2}code aaaaaaa {2}after 12 ms\n6\.0 s ago, at 2026-01-02T03:04:00\.000Z/m,
    )
    expect(lines).toContain('error: no money\\x1b[2J')
    expect(lines).toContain('x'.repeat(80))
    expect(lines).toContain('x'.repeat(20))
    expect(shown(picture(busy(), { logged: undefined }), view)).toContain('the log is being read')
    expect(shown(picture(busy()), view)).toContain('the log has nothing of it')
    expect(shown(picture(busy()), { ...view, failure: 'old' })[1]).toStartWith(
      'old is none of the latest failures',
    )
  })

  test.each([10, 12, 14])('of %i rows still has workers in it', (rows) => {
    const lines = shown(picture(busy()), {}, 38, rows)
    expect(lines.some((text) => text.startsWith('w1.1'))).toBe(true)
    expect(lines.some((text) => text.startsWith('now  '))).toBe(true)
  })

  test('says how many processors a worker uses that computes in threads', () => {
    const processorMs = (ms: number): { processorMs: Map<number, number> } => ({
      processorMs: new Map([[1_001, ms]]),
    })
    const data = dataOf(sample(0, {}, processorMs(0)), sample(1_000, {}, processorMs(2_100)))
    expect(shown(picture(data)).join('\n')).toMatch(/^w1\.1 .* 210 %/m)
  })

  test('says that the server does not answer, since when, and how old what it shows is', () => {
    const trouble = { sinceMs: WALL_MS + 2_000, reason: 'it does not run' }
    const lines = shown(picture(busy(), { trouble, nowMs: WALL_MS + 9_000 }))
    expect(lines[1]).toBe('no answer for 7.0 s: it does not run; trying again')
    expect(lines[2]).toBe('what follows is 8.0 s old')
    expect(shown(picture(undefined, { trouble }))[0]).toBe('it does not run; trying again')
  })

  test('says that it is paused, and how old it is', () => {
    const lines = shown(picture(busy(), { nowMs: WALL_MS + 13_000 }), { isPaused: true })
    expect(lines[1]).toBe('paused: this is how it was 12.0 s ago')
  })

  test('says that there is no balancer to tell of answers', () => {
    const alone = { traffic: undefined as never }
    const lines = shown(picture(dataOf(sample(0, alone), sample(1_000, alone))))
    expect(lines[1]).toBe('requests  0 per second (last 1.0 s)')
    expect(lines[2]).toBe('answers   no balancer tells of times, the queue and routes')
  })

  test('says what is wrong with the server', () => {
    const healthReasons = ['1 of 2 workers is ready']
    const reason = { kind: 'crashed', code: 3, signal: null, stderr: '' } as const
    const crashes = { count: 2, slot: 1, reason, atMs: WALL_MS - 4_000, nextStartAtMs: null }
    const text = shown(
      picture(dataOf(sample(0, { health: 'degraded', healthReasons, readyWorkers: 1, crashes }))),
    )
    expect(text[1]).toBe('1 of 2 workers is ready')
    expect(text[2]).toBe('worker 1 crashed with code 3, 4.0 s ago; 2 ended lately')
  })

  test('says why a reload was refused, in several rows if it takes them', () => {
    const refusal = {
      code: 'build-failed',
      generation: 'bbbbbbbbbb',
      message: 'x'.repeat(400),
      atMs: WALL_MS,
    } as const
    const events = [{ type: 'generation-refused', seq: 1, atMs: WALL_MS, refusal }] as const
    const lines = shown(picture(busy(), { events }), {}, 60)
    expect(lines[1]).toBe(`✗ bbbbbbb refused: ${'x'.repeat(41)}`)
    expect(lines.slice(2, 4)).toEqual([`  ${'x'.repeat(58)}`, `  ${'x'.repeat(58)}`])
    expect(lines[4]).toStartWith('requests')
  })

  test('leaves room for the rest where much is wrong', () => {
    const healthReasons = Array.from(
      { length: 64 },
      (_, n) => `worker ${n} has blocked its event loop for 4.0 s`,
    )
    const lines = shown(picture(dataOf(sample(0, { healthReasons }))))
    expect(lines[4]).toBe('and 61 more')
    expect(lines.some((text) => text.startsWith('w1.1'))).toBe(true)
  })

  test('of a client with a terminal in its path shows it as text', () => {
    const requests = { ...NO_REQUESTS, failures: [failure('/\u001b[2J\u202e日本語', { reason: 'a\nb' })] }
    const text = shown(picture(dataOf(sample(0, {}, { requests }))), {}, 100).join('\n')
    expect(text).toContain('500 (a\\nb)')
    expect(text).toContain('GET /\\x1b[2J\\u{202e}日本語')
  })

  test('that is typed in shows the text, and one without a keyboard no keys', () => {
    expect(shown(picture(busy()), { isTyping: true, filter: 'or' }).at(-1)).toStartWith('filter or▏')
    expect(shown(picture(busy(), { hasKeys: false })).at(-1)).toContain('no keys')
  })

  test('of help names every key', () => {
    const text = shown(picture(busy()), { showsHelp: true }).join('\n')
    for (const key of ['space or p', 'Ctrl-Z', 'Home End', '/']) expect(text).toContain(key)
  })
})

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom('/orders/:n', '日本語'.repeat(20)),
)
const amount = fc.oneof(
  fc.nat(20),
  fc.double({ min: 0, max: 1e12, noNaN: true }),
  fc.constant(Number.MAX_SAFE_INTEGER),
)
const states = fc.constantFrom<WorkerState>('starting', 'ready', 'standby', 'draining', 'exited')

const anyData = fc
  .record({
    name: text,
    reasons: fc.array(text, { maxLength: 4 }),
    workers: fc.array(
      fc.record({
        slot: fc.nat(300),
        incarnation: fc.nat(99_999),
        state: states,
        generation: text,
        inFlight: amount,
        rssBytes: amount,
        loopLagMs: amount,
        sent: amount,
        maxInFlight: fc.nat(3),
      }),
      { maxLength: 70 },
    ),
    routes: fc.array(fc.tuple(text, amount, amount), { maxLength: 40 }),
    failures: fc.array(fc.tuple(text, fc.option(text)), { maxLength: 20 }),
    underWay: fc.array(fc.tuple(text, amount, text), { maxLength: 40 }),
    ok: amount,
    queued: amount,
  })
  .map(({ name, reasons, workers, routes, failures, underWay: requests, ok, queued }) => {
    const all = workers.map(({ slot, ...changes }) => worker(slot, changes))
    const statuses = { '1xx': 0, '2xx': ok, '3xx': 0, '4xx': 0, '5xx': 0 }
    return dataOf(
      sample(0, { traffic: counts({ statuses: counts({}).statuses }) }),
      sample(
        1_000,
        { name, healthReasons: reasons, workers: all, traffic: counts({ statuses, queued }) },
        {
          requests: {
            underWay: requests.map(([path, ageMs, phase]) =>
              underWay(path, { ageMs, phase, worker: 'w1.1' }),
            ),
            underWayCount: 1_000,
            routes: routes.map(([path, p95Ms, count]) => route(path, { p95Ms, requests: count })),
            failures: failures.map(([path, reason]) => failure(path, { reason, cause: 'backend-reset' })),
          },
          processorMs: new Map(all.map(({ pid }) => [pid, 500])),
        },
      ),
    )
  })

const anyView = fc
  .record({
    panel: fc.constantFrom(...PANELS),
    worker: fc.constantFrom(undefined, undefined, 'w1.1', 'w2.1'),
    failure: fc.constantFrom(undefined, undefined, 'id-/orders/:n', 'gone'),
    filter: fc.oneof(fc.constant(''), text),
    isTyping: fc.boolean(),
    isPaused: fc.boolean(),
    showsHelp: fc.constantFrom(false, false, false, true),
    windowMs: fc.constantFrom<View['windowMs']>(1_000, 10_000, 60_000),
  })
  .map((view): View => ({ ...INITIAL_VIEW, ...view }))

test('no frame is larger than its screen, nor does it send a control character, whatever it shows', () => {
  const size = fc.record({
    columns: fc.oneof(fc.constantFrom(...WIDTHS), fc.integer({ min: 1, max: 220 })),
    rows: fc.integer({ min: 1, max: 70 }),
  })
  const logged = fc.option(fc.array(text, { maxLength: 5 }), { nil: undefined })
  const trouble = fc.option(fc.record({ sinceMs: fc.constant(WALL_MS), reason: text }), { nil: undefined })
  fc.assert(
    fc.property(anyData, anyView, size, trouble, logged, (data, view, { columns, rows }, problem, log) => {
      const lines = frame(picture(data, { trouble: problem, logged: log }), view, { columns, rows })
      expect(lines).toHaveLength(rows)
      for (const line of lines) {
        expect(lineCells(line)).toBeLessThanOrEqual(columns)
        expect(line.spans.map((span) => span.text).join('')).not.toMatch(/\p{Cc}/u)
      }
    }),
    { numRuns: 60 },
  )
})

test('lists share the height: the active one comes first, and none is shown by its heading alone', () => {
  expect(panelHeights({ workers: 4, routes: 8, failures: 3 }, 'workers', 20)).toEqual({
    workers: 4,
    routes: 8,
    failures: 3,
  })
  expect(panelHeights({ workers: 65, routes: 40, failures: 21 }, 'routes', 12)).toEqual({
    workers: 3,
    routes: 4,
    failures: 3,
  })
  expect(panelHeights({ workers: 65, routes: 40, failures: 21 }, 'failures', 5)).toEqual({
    workers: 0,
    routes: 0,
    failures: 5,
  })
  fc.assert(
    fc.property(
      fc.nat(80),
      fc.nat(80),
      fc.nat(80),
      fc.constantFrom(...PANELS),
      fc.nat(100),
      (a, b, c, active, height) => {
        const wanted = { workers: a + 1, routes: b + 2, failures: c + 2 }
        const heights = panelHeights(wanted, active, height)
        const used = PANELS.filter((panel) => heights[panel] > 0)
        const sum = used.reduce((total, panel) => total + heights[panel], 0)
        expect(sum + Math.max(0, used.length - 1)).toBeLessThanOrEqual(height)
        for (const panel of used) expect(heights[panel]).toBeLessThanOrEqual(wanted[panel])
      },
    ),
  )
})
