import { expect, test } from 'bun:test'
import { readRecord } from '../../src/output/log-file.ts'
import { type LogRecord, logLine } from '../../src/output/log-record.ts'

function record(text: string, extra: Partial<LogRecord> = {}): LogRecord {
  const worker = { slot: 2, generation: 'abc' }
  return { name: 'w2', worker, stream: 'stdout', text, continues: false, atMs: 0, ...extra }
}

const json = (text: string, extra?: Partial<LogRecord>): string => logLine(record(text, extra), 'json', false)

const OWN = { worker: 2, generation: 'abc', stream: 'stdout' }
const TIME = { time: '1970-01-01T00:00:00.000Z' }

test('words become the message of an object that says who wrote them, without colours', () => {
  expect(JSON.parse(json('\u001b[31mred\u001b[0m'))).toEqual({ ...OWN, ...TIME, message: 'red' })
  expect(JSON.parse(json('ready', { stream: 'stderr' }))).toMatchObject({ stream: 'stderr' })
})

test('fields of a line that is an object stand beside ours', () => {
  expect(JSON.parse(json('{"level":"info","msg":"hi"}'))).toEqual({
    ...OWN,
    ...TIME,
    level: 'info',
    msg: 'hi',
  })
  expect(JSON.parse(json(' { } '))).toEqual({ ...OWN, ...TIME })
})

test('an object is handed on as written: what JavaScript cannot count stays as it is', () => {
  expect(json('{"id":12345678901234567890,"a":1.0}')).toEndWith(',"id":12345678901234567890,"a":1.0}')
})

test('the time an application gives is the one', () => {
  expect(JSON.parse(json('{"time":1700000000000}'))).toEqual({ ...OWN, time: 1_700_000_000_000 })
})

test('a field of a name of ours is kept under another', () => {
  const line = json('{"worker":"mine","app_worker":1,"stream":null,"msg":"hi"}')
  expect(JSON.parse(line)).toEqual({
    ...OWN,
    ...TIME,
    app_app_worker: 'mine',
    app_worker: 1,
    app_stream: null,
    msg: 'hi',
  })
})

test('what only looks like an object, and any other value, is a message', () => {
  for (const text of ['{not json}', '[1]', '42', '"text"', 'null', '', '{"a":1} {"b":2}', '{"a":"'])
    expect(JSON.parse(json(text))).toEqual({ ...OWN, ...TIME, message: text })
})

test('a piece of a line that is too long says that it goes on', () => {
  const piece = { continues: true }
  expect(JSON.parse(json('{"a":1}', piece))).toEqual({ ...OWN, ...TIME, message: '{"a":1}', partial: true })
  expect(logLine(record('abc', piece), 'text', false)).toBe('w2 | abc…')
})

test('who is no worker is named as a service', () => {
  const line = json('lost', { name: 'balancer', worker: undefined })
  expect(JSON.parse(line)).toEqual({ service: 'balancer', stream: 'stdout', ...TIME, message: 'lost' })
})

test('a line of the log is a record; of another release it is left alone', () => {
  const kept = record('hi')
  expect(readRecord(JSON.stringify(kept))).toEqual(kept)
  for (const line of ['w1 | hi', '{}', 'null', '{"name":1}']) expect(readRecord(line)).toBeUndefined()
})
