import { expect, test } from 'bun:test'
import { RequestLines } from '../../src/server/request-lines.ts'
import type { Settings } from '../../src/settings/settings.ts'

const settings = (given: Partial<Settings>): Settings => ({ balancer: {}, ...given }) as Settings

test('what is asked for counts until something else is asked for, whatever the settings say', () => {
  const lines = new RequestLines('text')
  expect(lines.arePrinted(settings({}))).toBe(false)
  expect(lines.applied(settings({})).accessLog).toBeUndefined()
  lines.print(true)
  expect(lines.arePrinted(settings({}))).toBe(true)
  expect(lines.applied(settings({})).accessLog).toBe('json')
  expect(lines.applied(settings({ accessLog: 'json' })).accessLog).toBe('json')
  lines.print(false)
  expect(lines.applied(settings({ accessLog: 'json' })).accessLog).toBe('none')
})

test('lines are JSON where those of workers are, and requests that go to a file still do', () => {
  const lines = new RequestLines('json')
  const toFile = settings({ balancer: { accessLog: { format: 'text', file: '/var/log/access.log' } } })
  expect(lines.arePrinted(toFile)).toBe(false)
  lines.print(false)
  expect(lines.applied(toFile)).toBe(toFile)
  lines.print(true)
  expect(lines.applied(settings({})).accessLog).toBe('json')
})

test('a developer gets them in short, with what to do about one that failed', () => {
  const lines = new RequestLines('text')
  const record = { at: '2026-05-04T10:20:30.400Z', id: 'a-1', method: 'GET', target: '/a?b=c', status: 200 }
  const line = (more: object): string =>
    lines.shown(JSON.stringify({ ...record, outcome: 'completed', totalMs: 1.24, ...more }), settings({}))
  expect(line({})).toStartWith('{')
  lines.print(true)
  expect(line({})).toMatch(/^\d\d:20:30 GET \/a\?b=c 200 in 1\.2 ms$/)
  expect(line({ status: 502, outcome: 'failed' })).toMatch(/ 502 in 1\.2 ms failed \(rip-server trace a-1\)$/)
  expect(lines.shown('{"v":1,"lost":3}', settings({}))).toBe('{"v":1,"lost":3}')
})
