import { afterEach, expect, test } from 'bun:test'
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { encodeFrame, FrameDecoder, PROTOCOL_VERSION, type WorkerMessage } from '@rip/worker/protocol'
import { until } from '@rip/testing'
import { createWorkerLinks, type WorkerLinksOptions } from '../../src/links/worker-links.ts'
import type { WorkerLinks } from '../../src/contract/ports.ts'
import { temporaryFolder, type TemporaryFolder } from '../real.ts'

interface Setup {
  readonly links: WorkerLinks
  readonly received: (readonly [number, WorkerMessage | null])[]
  readonly warnings: string[]
}

const folders: TemporaryFolder[] = []
const open: WorkerLinks[] = []

afterEach(async () => {
  for (const links of open.splice(0)) await links.close()
  for (const folder of folders.splice(0)) await folder[Symbol.asyncDispose]()
})

async function setup(options: WorkerLinksOptions = { peerPid: () => undefined }): Promise<Setup> {
  const folder = await temporaryFolder()
  folders.push(folder)
  const warnings: string[] = []
  const links = createWorkerLinks(folder.at('links.sock'), {
    ...options,
    onWarning: (message) => warnings.push(message),
  })
  open.push(links)
  const received: (readonly [number, WorkerMessage | null])[] = []
  links.onMessage((pid, message) => received.push([pid, message]))
  await links.start()
  return { links, received, warnings }
}

interface Peer {
  readonly received: unknown[]
  readonly closed: () => boolean
  send(message: unknown): void
  raw(bytes: Uint8Array): void
  end(): void
}

async function dial(path: string): Promise<Peer> {
  const received: unknown[] = []
  const decoder = new FrameDecoder()
  let closed = false
  const socket = await Bun.connect({
    unix: path,
    socket: {
      data: (_, bytes) => void received.push(...decoder.push(bytes)),
      close: () => void (closed = true),
    },
  })
  return {
    received,
    closed: () => closed,
    send: (message) => void socket.write(encodeFrame(message)),
    raw: (bytes) => void socket.write(bytes),
    end: () => void socket.end(),
  }
}

const hello = (pid: number): WorkerMessage => ({ type: 'hello', version: PROTOCOL_VERSION, workerId: 1, pid })
const ready: WorkerMessage = { type: 'ready', bootMs: 12, entry: 'app.rip' }

test('carries messages both ways, under the pid of the hello', async () => {
  const { links, received } = await setup()
  const peer = await dial(links.path)
  peer.send(hello(41))
  peer.send(ready)
  await until('two messages', () => received.length === 2)
  expect(received).toEqual([
    [41, hello(41)],
    [41, ready],
  ])
  links.send(41, { type: 'welcome', version: PROTOCOL_VERSION, beaconMs: 500 })
  links.send(41, { type: 'drain', deadlineMs: 100 })
  await until('two answers', () => peer.received.length === 2)
  expect(peer.received[1]).toEqual({ type: 'drain', deadlineMs: 100 })
})

test('reports when a link ended', async () => {
  const { links, received } = await setup()
  const peer = await dial(links.path)
  peer.send(hello(41))
  await until('hello', () => received.length === 1)
  peer.end()
  await until('the end', () => received.length === 2)
  expect(received[1]).toEqual([41, null])
})

test('a worker that connects again speaks on the new link, and the old one ends unnoticed', async () => {
  const { links, received } = await setup()
  const first = await dial(links.path)
  first.send(hello(41))
  await until('hello', () => received.length === 1)
  const second = await dial(links.path)
  second.send(hello(41))
  await until('the old link to close', first.closed)
  second.send(ready)
  await until('ready', () => received.length === 3)
  expect(received.map(([, message]) => message?.type)).toEqual(['hello', 'hello', 'ready'])
})

test('another version of the protocol is refused by name', async () => {
  const { links, received, warnings } = await setup()
  const peer = await dial(links.path)
  peer.send({ type: 'hello', version: 99, workerId: 1, pid: 41 })
  await until('the link to close', peer.closed)
  expect(received).toHaveLength(1)
  expect(received[0]?.[0]).toBe(41)
  expect(received[0]?.[1]).toMatchObject({
    type: 'failed',
    failure: { message: expect.stringContaining('process 41 speaks version 99') },
  })
  expect(warnings).toHaveLength(1)
})

test.each([
  ['broken frames', (peer: Peer) => peer.raw(Buffer.from('GET / HTTP/1.1\r\n\r\n'))],
  ['no hello', (peer: Peer) => peer.send(ready)],
  ['an unknown message', (peer: Peer) => peer.send({ type: 'gossip' })],
  ['a message without its fields', (peer: Peer) => peer.send({ type: 'hello', version: PROTOCOL_VERSION })],
  ['no object', (peer: Peer) => peer.send(null)],
])('%s end that link only', async (_, misbehave) => {
  const { links, received, warnings } = await setup()
  const good = await dial(links.path)
  good.send(hello(41))
  await until('hello', () => received.length === 1)
  const bad = await dial(links.path)
  misbehave(bad)
  await until('the bad link to close', bad.closed)
  expect(warnings).toHaveLength(1)
  good.send(ready)
  await until('ready', () => received.length === 2)
  expect(good.closed()).toBe(false)
})

test('a process that claims to be another is not believed', async () => {
  const { links, received, warnings } = await setup({})
  const impostor = await dial(links.path)
  impostor.send(hello(1))
  await until('the link to close', impostor.closed)
  expect(received).toEqual([])
  expect(warnings).toEqual([
    expect.stringContaining(`it says to be process 1, and is process ${process.pid}`),
  ])
  const honest = await dial(links.path)
  honest.send(hello(process.pid))
  await until('hello', () => received.length === 1)
})

test('a link without hello is closed in time', async () => {
  const { links, warnings } = await setup({ helloTimeoutMs: 20 })
  const peer = await dial(links.path)
  await until('the link to close', peer.closed)
  expect(warnings).toEqual([expect.stringContaining('none came within 20 ms')])
})

test('links without hello are few, their frames short, and warnings about them rare', async () => {
  const { links, received, warnings } = await setup()
  const silent = await Promise.all(Array.from({ length: 100 }, () => dial(links.path)))
  await until('all but 64 to be closed', () => silent.filter((peer) => peer.closed()).length === 36)
  const [first, second] = silent.filter((peer) => !peer.closed())
  const length = Buffer.alloc(4)
  length.writeUInt32BE(1_048_576)
  first?.raw(length)
  await until('the long frame to end its link', () => first?.closed() === true)
  expect(warnings).toHaveLength(1)
  second?.send(hello(41))
  await until('one of the others to say hello', () => received.length === 1)
  const late = await dial(links.path)
  late.send(hello(42))
  await until('a place to be free again', () => received.length === 2)
})

test('a known worker that sends rubbish is reported as gone', async () => {
  const { links, received } = await setup()
  const peer = await dial(links.path)
  peer.raw(Buffer.concat([encodeFrame(hello(41)), Buffer.from('GET / HTTP/1.1')]))
  await until('the link to close', peer.closed)
  expect(received).toEqual([
    [41, hello(41)],
    [41, null],
  ])
})

test('a worker that stops reading loses its link', async () => {
  const { links, received, warnings } = await setup()
  const peer = Bun.spawn(
    [
      process.execPath,
      '-e',
      `
      const { encodeFrame } = await import(${JSON.stringify(import.meta.resolve('@rip/worker/protocol'))})
      const hello = encodeFrame({ type: 'hello', version: ${PROTOCOL_VERSION}, workerId: 1, pid: 41 })
      await Bun.connect({ unix: ${JSON.stringify(links.path)}, socket: { open: s => void s.write(hello), data() {} } })
      process.kill(process.pid, 'SIGSTOP')`,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  )
  await until('hello', () => received.length === 1)
  await until('the link to be closed', () => {
    for (let count = 0; count < 10_000; count += 1) links.send(41, { type: 'ping' })
    return warnings.length > 0
  })
  expect(warnings[0]).toContain('unread')
  expect(received.at(-1)).toEqual([41, null])
  peer.kill('SIGKILL')
  await peer.exited
})

test('a socket that was removed is made again for the next worker', async () => {
  const { links, received } = await setup()
  const first = await dial(links.path)
  first.send(hello(41))
  await until('the first hello', () => received.length === 1)
  rmSync(links.path)
  const second = await dial(links.path)
  second.send(hello(42))
  await until('the second hello', () => received.length === 2)
  first.send(ready)
  await until('the first worker to be heard as before', () => received.length === 3)
  await links.close()
  await until('both links to end', () => first.closed() && second.closed())
})

test('only the owner may use the socket, and closing removes it', async () => {
  const { links } = await setup()
  const peer = await dial(links.path)
  expect(statSync(links.path).mode & 0o777).toBe(0o600)
  const closing = links.close()
  expect(links.close()).toBe(closing)
  await closing
  expect(existsSync(links.path)).toBe(false)
  await until('links to end', peer.closed)
})

test('a path that cannot be bound is named', async () => {
  await using folder = await temporaryFolder()
  writeFileSync(folder.at('file'), '')
  const failure: unknown = await createWorkerLinks(folder.at('file', 'x.sock'))
    .start()
    .catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'LINK_SOCKET_FAILED' })
})
