import { expect, test } from 'bun:test'
import { existsSync, rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { until } from '@rip/testing'
import * as fc from 'fast-check'
import { frameOf } from '../../src/bus/frame-reader.ts'
import type { Message } from '../../src/bus/message.ts'
import { NONCE_BYTES, PROOF_BYTES, proofOf } from '../../src/bus/proof.ts'
import { MAX_UNREAD_BYTES } from '../../src/bus/outgoing-link.ts'
import { WorkerBus } from '../../src/bus/worker-bus.ts'
import { Folder } from '../helpers.ts'

const KEY = 'the secret'

/** The bus of a worker, with the messages it got. All members are in this process, and claim to be different ones. */
class Member implements AsyncDisposable {
  readonly pid: number
  readonly received: Message[] = []
  readonly log: string[] = []
  readonly bus: WorkerBus

  constructor(folder: string, pid: number, key: string = KEY) {
    this.pid = pid
    this.bus = new WorkerBus({
      folder,
      key,
      pid,
      onMessage: (message) => this.received.push(message),
      log: (text) => this.log.push(text),
    })
  }

  static async joining(folder: string, pid: number, key?: string): Promise<Member> {
    const member = new Member(folder, pid, key)
    await member.bus.start()
    await member.bus.meet()
    return member
  }

  say(topic: string, data: string | Uint8Array, compress?: boolean): boolean {
    return this.bus.send({ topic, data, compress })
  }

  heard(topic: string): (string | Uint8Array)[] {
    return this.received.filter((message) => message.topic === topic).map(({ data }) => data)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.bus.close()
  }
}

test('workers that came one after the other, or at the same time, hear each other and not themselves', async () => {
  using folder = new Folder()
  await using first = await Member.joining(folder.path, 1)
  const [second, third] = await Promise.all([Member.joining(folder.path, 2), Member.joining(folder.path, 3)])
  await using _second = second
  await using _third = third
  const all = [first, second, third]
  for (const member of all) expect(member.say('t', `from ${member.pid}`)).toBe(true)
  await until('each has heard the others', () => all.every(({ received }) => received.length === 2))
  for (const member of all) {
    const others = [1, 2, 3].filter((pid) => pid !== member.pid)
    expect(new Set(member.heard('t'))).toEqual(new Set(others.map((pid) => `from ${pid}`)))
  }
  expect(all.flatMap(({ log }) => log)).toEqual([])
})

test('a message for which there is no other worker is not counted as dropped', async () => {
  using folder = new Folder()
  await using only = await Member.joining(folder.path, 1)
  expect(only.say('t', 'x')).toBe(false)
  expect(only.bus.dropped).toBe(0)
})

test('messages of each worker arrive in its order and once, whatever they are and how they are mixed', async () => {
  using folder = new Folder()
  const members = await Promise.all([1, 2, 3].map((pid) => Member.joining(folder.path, pid)))
  await using _first = members[0]!
  await using _second = members[1]!
  await using _third = members[2]!
  const burst = fc.record({
    by: fc.nat(2),
    sizes: fc.array(
      fc.oneof({ weight: 9, arbitrary: fc.nat(300) }, { weight: 1, arbitrary: fc.nat(300_000) }),
    ),
    pause: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(burst, { maxLength: 12 }), async (bursts) => {
      const sent: string[][] = [[], [], []]
      for (const member of members) member.received.length = 0
      for (const { by, sizes, pause } of bursts) {
        for (const size of sizes) {
          const text = `${sent[by]!.length} ${'x'.repeat(size)}`
          sent[by]!.push(text)
          members[by]!.say(String(by), text)
        }
        if (pause) await Bun.sleep(0)
      }
      const expected = (own: number): number =>
        sent.reduce((sum, each, by) => (by === own ? sum : sum + each.length), 0)
      await until('all have arrived', () =>
        members.every(({ received }, own) => received.length === expected(own)),
      )
      for (const [own, member] of members.entries())
        for (const [by, texts] of sent.entries())
          expect(member.heard(String(by)).join('\n') === (by === own ? '' : texts.join('\n'))).toBe(true)
    }),
    { numRuns: 25 },
  )
  expect(members.map(({ bus }) => bus.dropped)).toEqual([0, 0, 0])
}, 60_000)

test('text, bytes and the wish to compress arrive as they were sent', async () => {
  using folder = new Folder()
  await using one = await Member.joining(folder.path, 1)
  await using other = await Member.joining(folder.path, 2)
  one.say('t', 'text ä', true)
  one.say('t', Uint8Array.of(0, 255), false)
  one.say('t', '')
  await until('they are there', () => other.received.length === 3)
  expect(other.received).toEqual([
    { topic: 't', data: 'text ä', compress: true },
    { topic: 't', data: Uint8Array.of(0, 255), compress: false },
    { topic: 't', data: '', compress: undefined },
  ])
})

test('what a worker published last arrives, although it leaves at once', async () => {
  using folder = new Folder()
  await using other = await Member.joining(folder.path, 2)
  const leaving = await Member.joining(folder.path, 1)
  const many = Array.from({ length: 500 }, (_, at) => `${at} ${'x'.repeat(1_000)}`)
  for (const text of many) leaving.say('t', text)
  await leaving.bus.close()
  await until('all are there', () => other.received.length === many.length)
  expect(other.heard('t')).toEqual(many)
  expect(existsSync(folder.file('1'))).toBe(false)
})

test('a process without the secret neither hears anything nor is heard', async () => {
  using folder = new Folder()
  await using one = await Member.joining(folder.path, 1)
  await using stranger = await Member.joining(folder.path, 2, 'another secret')
  await using other = await Member.joining(folder.path, 3)
  stranger.say('t', 'from the stranger')
  one.say('t', 'from one')
  await until('the other has heard it', () => other.received.length === 1)
  expect([one.received.length, stranger.received.length, other.heard('t')]).toEqual([0, 0, ['from one']])
})

test('a process that listens in the place of a worker gets a nonce and a proof, and no message', async () => {
  using folder = new Folder()
  let bytes = 0
  using _listener = Bun.listen({
    unix: folder.file('2.sock'),
    socket: {
      open: (socket) => void socket.write(frameOf(new Uint8Array(NONCE_BYTES))),
      data: (socket, chunk) => {
        bytes += chunk.byteLength
        socket.write(frameOf(new Uint8Array(32)))
      },
    },
  })
  folder.write('2', '')
  await using one = await Member.joining(folder.path, 1)
  one.say('t', 'x'.repeat(100_000))
  await until('it was asked', () => bytes > 0)
  await until('it was given up', () => !one.say('t', 'y'))
  expect(bytes).toBeLessThan(100)
})

test('a process that passes on the proof of another is given up where the system says who it is', async () => {
  using folder = new Folder()
  const received: Message[] = []
  const bus = new WorkerBus({
    folder: folder.path,
    key: KEY,
    pid: 1,
    onMessage: (message) => received.push(message),
    log: () => {},
    peerPid: () => process.pid,
  })
  await bus.start()
  const ends = await greet(folder.file('1.sock'), 7)
  expect(await ends.closed).toBe(true)
  const admitted = await greet(folder.file('1.sock'), process.pid)
  await until('it was admitted', () => admitted.bytes() > NONCE_BYTES + 4)
  await bus.close()
})

/** Connects and claims to be that process, with a valid proof. */
async function greet(path: string, pid: number): Promise<{ closed: Promise<boolean>; bytes: () => number }> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const diallerNonce = new Uint8Array(NONCE_BYTES)
  let bytes = 0
  await Bun.connect({
    unix: path,
    socket: {
      data(socket, chunk) {
        bytes += chunk.byteLength
        if (bytes !== NONCE_BYTES + 4) return
        const listenerNonce = chunk.subarray(4)
        const proof = proofOf('dialler', KEY, { listener: 1, dialler: pid, listenerNonce, diallerNonce })
        socket.write(frameOf(Buffer.concat([diallerNonce, proof, Buffer.from(String(pid))])))
      },
      close: () => resolve(true),
    },
  })
  return { closed: promise, bytes: () => bytes }
}

test('bytes that are no message, and a message without end, end only the connection they came on', async () => {
  using folder = new Folder()
  await using one = await Member.joining(folder.path, 1)
  await using other = await Member.joining(folder.path, 2)
  for (const bytes of [Buffer.from([255, 255, 255, 255]), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
    const { promise, resolve } = Promise.withResolvers<void>()
    const socket = await Bun.connect({
      unix: folder.file('1.sock'),
      socket: { data() {}, close: () => resolve() },
    })
    socket.write(bytes)
    await promise
  }
  other.say('t', 'still here')
  await until('it is heard', () => one.received.length === 1)
})

test('a worker that does not read loses messages, which are counted and told once; the others get theirs', async () => {
  using folder = new Folder()
  await using stopped = await stoppedWorker(folder.path, 3)
  await using other = await Member.joining(folder.path, 2)
  await using one = await Member.joining(folder.path, 1)
  await until('it was greeted by both', () => stopped.greeted() === 2)
  const text = 'x'.repeat(100_000)
  const count = Math.ceil((MAX_UNREAD_BYTES + 4_000_000) / text.length)
  for (let at = 0; at < count; at++) {
    expect(one.say('t', text)).toBe(true)
    if (at % 20 === 0) await until('the other keeps up', () => other.received.length > at - 40)
  }
  await until('the other has all', () => other.received.length === count)
  const { dropped } = one.bus
  expect(dropped).toBeGreaterThan(0)
  expect(one.log).toEqual([
    'worker process 3 does not read what is published: messages to it are dropped from now on',
  ])
  stopped.read()
  await until('it has caught up', () => one.log.length === 2)
  expect(one.log[1]).toBe(`worker process 3 reads again: ${dropped} messages to it were dropped`)
  expect(one.bus.dropped).toBe(dropped)
})

test('the number of messages that were dropped is told, too, when the worker that did not read them ends', async () => {
  using folder = new Folder()
  const stopped = await stoppedWorker(folder.path, 3)
  await using one = await Member.joining(folder.path, 1)
  await until('it was greeted', () => stopped.greeted() === 1)
  const text = 'x'.repeat(1_000_000)
  while (one.bus.dropped < 3) one.say('t', text)
  await stopped[Symbol.asyncDispose]()
  await until('it is told', () => one.log.length === 2)
  expect(one.log[1]).toBe(`worker process 3 has ended: ${one.bus.dropped} messages to it were dropped`)
  expect(one.bus.dropped).toBeGreaterThan(3)
})

test('a worker that has ended a connection, and is there, is dialled again at once', async () => {
  using folder = new Folder()
  let connections = 0
  const listenerNonce = new Uint8Array(NONCE_BYTES)
  using _listener = Bun.listen<undefined>({
    unix: folder.file('3.sock'),
    socket: {
      open(socket) {
        connections++
        socket.write(frameOf(listenerNonce))
      },
      data(socket, chunk) {
        const diallerNonce = chunk.subarray(4, 4 + NONCE_BYTES)
        const greeting = { listener: 3, dialler: 1, listenerNonce, diallerNonce }
        socket.write(frameOf(proofOf('listener', KEY, greeting)))
        if (connections === 1) socket.end()
      },
    },
  })
  folder.write('3', '')
  await using _one = await Member.joining(folder.path, 1)
  await until('it is dialled again', () => connections === 2, 2_000)
})

/** Greets as a worker does, and then does not read until told to. */
async function stoppedWorker(
  folder: string,
  pid: number,
): Promise<AsyncDisposable & { greeted: () => number; read: () => void }> {
  const listenerNonce = new Uint8Array(NONCE_BYTES)
  const greeted = new Set<Bun.Socket<undefined>>()
  const listener = Bun.listen<undefined>({
    unix: `${folder}/${pid}.sock`,
    socket: {
      open: (socket) => void socket.write(frameOf(listenerNonce)),
      data(socket, chunk) {
        if (greeted.has(socket)) return
        greeted.add(socket)
        const diallerNonce = chunk.subarray(4, 4 + NONCE_BYTES)
        const dialler = Number(chunk.subarray(4 + NONCE_BYTES + PROOF_BYTES).toString())
        const greeting = { listener: pid, dialler, listenerNonce, diallerNonce }
        socket.write(frameOf(proofOf('listener', KEY, greeting)))
        socket.pause()
      },
    },
  })
  await Bun.write(`${folder}/${pid}`, '')
  return {
    greeted: () => greeted.size,
    read: () => greeted.forEach((socket) => socket.resume()),
    async [Symbol.asyncDispose]() {
      listener.stop(true)
    },
  }
}

test('a message that is too long reaches no other worker, is counted, and is told once', async () => {
  using folder = new Folder()
  await using one = await Member.joining(folder.path, 1)
  await using other = await Member.joining(folder.path, 2)
  const long = 'x'.repeat(MAX_UNREAD_BYTES)
  expect([one.say('t', long), one.say('t', long), one.say('t', 'short')]).toEqual([false, false, true])
  await until('the short one is there', () => other.received.length === 1)
  expect(one.bus.dropped).toBe(2)
  expect(one.log.length).toBe(1)
})

test('workers meet again after their folder was removed', async () => {
  using folder = new Folder()
  const meeting = folder.file('bus')
  await mkdir(meeting)
  await using one = await Member.joining(meeting, 1)
  rmSync(meeting, { recursive: true })
  await mkdir(meeting)
  await until('it is back', () => existsSync(`${meeting}/1`), 10_000)
  await using other = await Member.joining(meeting, 2)
  other.say('t', 'x')
  one.say('t', 'y')
  await until('they hear each other', () => one.received.length + other.received.length === 2)
}, 20_000)
