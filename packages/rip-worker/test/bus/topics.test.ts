import { expect, test } from 'bun:test'
import type { Message } from '../../src/bus/message.ts'
import { Topics } from '../../src/bus/topics.ts'

const join = async (): Promise<void> => {}

test('a listener gets the messages of its topic, in order, until it ends the subscription', () => {
  const topics = new Topics()
  const heard: unknown[] = []
  const end = topics.subscribe('a', (message, topic) => heard.push([topic, message]))
  expect(topics.publish('a', 'one')).toBe(3)
  expect(topics.publish('b', 'elsewhere')).toBe(0)
  topics.publish('a', Uint8Array.of(1))
  end()
  end()
  expect(topics.publish('a', 'late')).toBe(0)
  expect(heard).toEqual([
    ['a', 'one'],
    ['a', Uint8Array.of(1)],
  ])
  expect(topics.published).toBe(4)
})

test('a signal ends a subscription, and one that has aborted begins none', () => {
  const topics = new Topics()
  const heard: unknown[] = []
  const controller = new AbortController()
  topics.subscribe('a', (message) => heard.push(message), { signal: controller.signal })
  topics.publish('a', 'before')
  controller.abort()
  topics.subscribe('a', (message) => heard.push(message), { signal: controller.signal })
  topics.publish('a', 'after')
  expect(heard).toEqual(['before'])
})

test('one function may subscribe twice, and a listener may end itself and others while it is called', () => {
  const topics = new Topics()
  const heard: string[] = []
  const listen = (message: string | Uint8Array): void => void heard.push(String(message))
  const endFirst = topics.subscribe('a', listen)
  topics.subscribe('a', listen)
  topics.publish('a', '1')
  endFirst()
  topics.publish('a', '2')
  const endSelf = topics.subscribe('a', () => {
    heard.push('once')
    endSelf()
  })
  topics.publish('a', '3')
  topics.publish('a', '4')
  expect(heard).toEqual(['1', '1', '2', '3', 'once', '4'])
})

test('what a listener throws, or changes in the bytes it is given, harms no other', () => {
  const topics = new Topics()
  const failures: unknown[] = []
  topics.serve(
    () => 0,
    (error) => failures.push(error),
  )
  const heard: unknown[] = []
  topics.subscribe('a', () => {
    throw new Error('no')
  })
  topics.subscribe('a', (message) => void (message as Uint8Array).fill(9))
  topics.subscribe('a', (message) => heard.push(message))
  const bytes = Uint8Array.of(1, 2)
  topics.publish('a', bytes)
  expect([failures.length, heard, bytes]).toEqual([1, [Uint8Array.of(1, 2)], Uint8Array.of(1, 2)])
})

test('a message of another worker reaches WebSockets and listeners, and goes no further', () => {
  const topics = new Topics()
  const sent: Message[] = []
  const toWebSockets: unknown[] = []
  topics.serve(
    (...message) => toWebSockets.push(message),
    () => {},
  )
  topics.carryBy({ send: (message) => sent.push(message) > 0, join })
  const heard: unknown[] = []
  topics.subscribe('a', (message) => heard.push(message))
  topics.deliver({ topic: 'a', data: 'x', compress: true })
  expect([sent, toWebSockets, heard, topics.delivered, topics.published]).toEqual([
    [],
    [['a', 'x', true]],
    ['x'],
    1,
    0,
  ])
})

test('the result is that of the WebSockets here, or the bytes where only others take the message', () => {
  const topics = new Topics()
  let result = 0
  let isCarried = false
  topics.serve(
    () => result,
    () => {},
  )
  topics.carryBy({ send: () => isCarried, join })
  expect(topics.publish('a', 'ä')).toBe(0)
  isCarried = true
  expect(topics.publish('a', 'ä')).toBe(2)
  expect(topics.publish('a', Uint8Array.of(1, 2, 3))).toBe(3)
  result = -1
  expect(topics.publish('a', 'ä')).toBe(-1)
  result = 7
  expect(topics.publish('a', 'ä')).toBe(7)
})

test('a Blob is passed on as its bytes', async () => {
  const topics = new Topics()
  const { promise, resolve } = Promise.withResolvers<Message>()
  topics.carryBy({ send: (message) => (resolve(message), true), join })
  expect(topics.publish('a', new Blob(['xy']), false)).toBe(2)
  expect(await promise).toEqual({ topic: 'a', data: Uint8Array.of(120, 121), compress: false })
})

test('the other workers are joined once, for the first subscriber or those that are expected, before or after they can be', async () => {
  const joins: PromiseWithResolvers<void>[] = []
  const carrier = {
    send: () => false,
    join: () => joins[joins.push(Promise.withResolvers()) - 1]!.promise,
  }
  const early = new Topics()
  early.subscribe('a', () => {})
  expect(early.joining).toBeUndefined()
  early.carryBy(carrier)
  const late = new Topics()
  late.carryBy(carrier)
  late.publish('a', 'x')
  expect([joins.length, late.joining]).toEqual([1, undefined])
  late.expectSubscribers()
  late.subscribe('a', () => {})
  expect(joins).toHaveLength(2)
  for (const [at, topics] of [early, late].entries()) {
    const { joining } = topics
    expect(joining).toBeInstanceOf(Promise)
    joins[at]!.resolve()
    await joining
    expect(topics.joining).toBeUndefined()
  }
})

test('nothing is published or subscribed to without a topic', () => {
  const topics = new Topics()
  for (const topic of ['', undefined, null]) {
    expect(() => topics.publish(topic as never, 'x')).toThrow(TypeError)
    expect(() => topics.subscribe(topic as never, () => {})).toThrow(TypeError)
  }
})

test('a process that has nothing to do but listen lives on if it is told to, and ends with the last subscription', async () => {
  const module = JSON.stringify(import.meta.resolve('../../src/bus/topics.ts'))
  const program = (holds: boolean): string => `
    const { Topics } = await import(${module})
    const topics = new Topics()
    topics.holdProcess(${holds})
    const end = topics.subscribe('a', () => {})
    if (${holds}) setTimeout(() => (console.log('held'), end()), 20).unref()
    process.on('exit', () => console.log('ended'))`
  const outputs = [true, false].map((holds) =>
    new Response(Bun.spawn([process.execPath, '-e', program(holds)], { stdout: 'pipe' }).stdout).text(),
  )
  expect(await Promise.all(outputs)).toEqual(['held\nended\n', 'ended\n'])
})
