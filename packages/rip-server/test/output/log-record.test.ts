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

test('a line becomes the message of an object that names the worker, without colours', () => {
  expect(JSON.parse(json('\u001b[31mred\u001b[0m'))).toEqual({ ...OWN, ...TIME, message: 'red' })
  expect(JSON.parse(json('ready', { stream: 'stderr' }))).toMatchObject({ stream: 'stderr' })
})

test('fields of a line that is a JSON object are kept beside ours', () => {
  expect(JSON.parse(json('{"level":"info","msg":"hi"}'))).toEqual({
    ...OWN,
    ...TIME,
    level: 'info',
    msg: 'hi',
  })
  expect(JSON.parse(json(' { } '))).toEqual({ ...OWN, ...TIME })
})

test('an object is passed on as written, also numbers that JavaScript cannot represent', () => {
  expect(json('{"id":12345678901234567890,"a":1.0}')).toEndWith(',"id":12345678901234567890,"a":1.0}')
})

test('the time in a line replaces ours', () => {
  expect(JSON.parse(json('{"time":1700000000000}'))).toEqual({ ...OWN, time: 1_700_000_000_000 })
})

test('a field with the name of one of ours is renamed', () => {
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

test('a line that only looks like an object, and any other JSON value, is a message', () => {
  for (const text of ['{not json}', '[1]', '42', '"text"', 'null', '', '{"a":1} {"b":2}', '{"a":"'])
    expect(JSON.parse(json(text))).toEqual({ ...OWN, ...TIME, message: text })
})

test('a piece of a line that is too long says that more follows', () => {
  const piece = { continues: true }
  expect(JSON.parse(json('{"a":1}', piece))).toEqual({ ...OWN, ...TIME, message: '{"a":1}', partial: true })
  expect(logLine(record('abc', piece), 'text', false)).toBe('w2 | abc…')
})

test('a process that is no worker is named as a service', () => {
  const line = json('lost', { name: 'balancer', worker: undefined })
  expect(JSON.parse(line)).toEqual({ service: 'balancer', stream: 'stdout', ...TIME, message: 'lost' })
})

test('a line of the log is a record; a line of another release is left alone', () => {
  const kept = record('hi')
  expect(readRecord(JSON.stringify(kept))).toEqual(kept)
  for (const line of ['w1 | hi', '{}', 'null', '{"name":1}']) expect(readRecord(line)).toBeUndefined()
})
