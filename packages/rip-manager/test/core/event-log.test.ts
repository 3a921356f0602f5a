import { expect, test } from 'bun:test'
import { EventLog } from '../../src/manager/event-log.ts'
import type { ManagerEvent } from '../../src/contract/events.ts'

async function readAll(events: AsyncIterable<ManagerEvent>): Promise<readonly ManagerEvent[]> {
  return await Array.fromAsync(events)
}

test('events are numbered without gaps and carry the time of day', async () => {
  const log = new EventLog(() => 1_000)
  const read = readAll(log.read())
  log.emit({ type: 'held' })
  log.emit({ type: 'resumed' })
  log.close()
  expect(await read).toEqual([
    { seq: 1, atMs: 1_000, type: 'held' },
    { seq: 2, atMs: 1_000, type: 'resumed' },
  ])
})

test('a reader that is too slow learns how many events it has missed', async () => {
  const log = new EventLog(() => 0)
  const reader = log.read()[Symbol.asyncIterator]()
  for (let count = 0; count < 1_500; count += 1) log.emit({ type: 'held' })
  for (let count = 0; count < 1_024; count += 1) await reader.next()
  log.emit({ type: 'resumed' })
  expect((await reader.next()).value).toMatchObject({
    type: 'warning',
    message: expect.stringContaining('476'),
  })
  expect((await reader.next()).value).toMatchObject({ type: 'resumed', seq: 1_501 })
})

test('two calls that wait for the next event of one reader get one each', async () => {
  const log = new EventLog(() => 0)
  const reader = log.read()[Symbol.asyncIterator]()
  const both = Promise.all([reader.next(), reader.next()])
  log.emit({ type: 'held' })
  log.emit({ type: 'resumed' })
  expect((await both).map(({ value }) => (value as ManagerEvent).type)).toEqual(['held', 'resumed'])
  const last = Promise.all([reader.next(), reader.next()])
  log.close()
  expect((await last).map(({ done }) => done)).toEqual([true, true])
})

test('a reader ends when its signal aborts', async () => {
  const log = new EventLog(() => 0)
  const controller = new AbortController()
  const read = readAll(log.read(controller.signal))
  log.emit({ type: 'held' })
  controller.abort()
  log.emit({ type: 'resumed' })
  expect(await read).toHaveLength(1)
})

test('a listener is called for one type of event until it is disposed', () => {
  const log = new EventLog(() => 0)
  const heard: number[] = []
  const listening = log.on('scaled', ({ workers }) => heard.push(workers))
  log.emit({ type: 'scaled', workers: 3 })
  log.emit({ type: 'held' })
  listening[Symbol.dispose]()
  log.emit({ type: 'scaled', workers: 4 })
  expect(heard).toEqual([3])
})

test('a listener that throws does not affect others and is reported', () => {
  const log = new EventLog(() => 0)
  const heard: string[] = []
  using _bad = log.on('held', () => {
    throw new Error('oops')
  })
  using _good = log.on('held', () => heard.push('held'))
  using _warnings = log.on('warning', ({ message }) => heard.push(message))
  log.emit({ type: 'held' })
  expect(heard).toEqual(['a listener of "held" failed: Error: oops', 'held'])
})
