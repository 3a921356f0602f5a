import { expect, test } from 'bun:test'
import net from 'node:net'
import fc from 'fast-check'
import { until } from '@rip/testing'
import type { ByteSocket } from '../../src/transport/byte-socket.ts'
import { appendChunk, appendLastChunk } from '../../src/transport/chunk-writer.ts'
import { freeBytes } from '../../src/transport/free-bytes.ts'
import { GatheredOutput } from '../../src/transport/gathered-output.ts'
import { Outbox } from '../../src/transport/outbox.ts'

const output = new GatheredOutput()

/** Takes as many bytes per call as its list gives, and all bytes after that; -1 is a closed socket. */
class PartialSocket implements ByteSocket {
  taken = ''
  calls = 0
  private readonly capacities: number[]

  constructor(capacities: readonly number[] = []) {
    this.capacities = [...capacities]
  }

  write(bytes: Uint8Array, from: number, length: number): number {
    this.calls++
    const count = Math.min(length, this.capacities.shift() ?? length)
    if (count > 0) this.taken += Buffer.from(bytes.subarray(from, from + count)).toString('latin1')
    return count
  }

  shutdown(): void {}
  end(): void {}
  terminate(): void {}
  pause(): void {}
  resume(): void {}
}

function append(outbox: Outbox, text: string): void {
  outbox.append(Buffer.from(text, 'latin1'), 0, text.length)
}

test('everything of one event leaves with one write', () => {
  const socket = new PartialSocket()
  const outbox = new Outbox(socket, output)
  outbox.appendText('head ')
  append(outbox, 'body ')
  appendChunk(outbox, Buffer.from('-chunk-'), 1, 6)
  appendLastChunk(outbox)
  expect(socket.calls).toBe(0)
  output.flushAll()
  expect(socket.taken).toBe('head body 5\r\nchunk\r\n0\r\n\r\n')
  expect(socket.calls).toBe(1)
})

test('outboxes that share an event do not mix their bytes', () => {
  const first = new PartialSocket()
  const second = new PartialSocket()
  const a = new Outbox(first, output)
  const b = new Outbox(second, output)
  append(a, 'a1')
  append(b, 'b1')
  append(a, 'a2')
  b.discard()
  append(b, 'b2')
  output.flushAll()
  expect([first.taken, second.taken]).toEqual(['a1a2', 'b1b2'])
})

test('bytes that are contiguous already are sent without copying', () => {
  const written: Uint8Array[] = []
  const socket = new PartialSocket()
  socket.write = (bytes, _from, length) => (written.push(bytes), length)
  const outbox = new Outbox(socket, output)
  const response = Buffer.from('head body')
  outbox.append(response, 0, 5)
  outbox.append(response, 5, 9)
  output.flushAll()
  expect(written).toEqual([response])
  expect(written[0]).toBe(response)
})

test('an outbox that flushes in the middle of a turn sends all it gathered, in order', () => {
  const [a, b] = [new PartialSocket(), new PartialSocket()]
  const first = new Outbox(a, output)
  const second = new Outbox(b, output)
  first.appendText('1')
  second.appendText('x')
  first.flush()
  expect([a.taken, b.taken]).toEqual(['1', 'x'])
  first.appendText('2')
  second.appendText('y')
  second.flush()
  expect([a.taken, b.taken]).toEqual(['1', 'xy'])
  first.appendText('3')
  output.flushAll()
  expect([a.taken, b.taken]).toEqual(['123', 'xy'])
})

test('data that is written when a socket turns out to be closed is sent too', () => {
  const replacement = new PartialSocket()
  const next = new Outbox(replacement, output)
  const dead = new PartialSocket()
  dead.write = () => {
    next.appendText('again')
    return -1
  }
  const outbox = new Outbox(dead, output)
  outbox.appendText('once')
  output.flushAll()
  expect(replacement.taken).toBe('again')
})

test('property: outboxes that write in turns lose nothing and keep their order', () => {
  const steps = fc.array(
    fc.record({
      at: fc.nat({ max: 2 }),
      action: fc.constantFrom('text', 'bytes', 'large', 'flush', 'flush all', 'discard'),
    }),
    { maxLength: 40 },
  )
  fc.assert(
    fc.property(steps, (list) => {
      const sockets = [new PartialSocket(), new PartialSocket(), new PartialSocket()]
      const outboxes = sockets.map((socket) => new Outbox(socket, output))
      const sent = ['', '', '']
      const gathered = ['', '', '']
      for (const [step, { at, action }] of list.entries()) {
        const text = `${step}.`
        if (action === 'text') outboxes[at]!.appendText(text)
        if (action === 'bytes') append(outboxes[at]!, text)
        if (action === 'text' || action === 'bytes') gathered[at]! += text
        if (action === 'large') {
          append(outboxes[at]!, text.repeat(20_000))
          sent[at]! += gathered[at]! + text.repeat(20_000)
          gathered[at] = ''
        }
        if (action === 'flush') outboxes[at]!.flush()
        if (action === 'flush all') output.flushAll()
        if (action === 'discard') {
          outboxes[at]!.discard()
          // It may have been sent before, in the turn of another outbox.
          sent[at] = sockets[at]!.taken
          gathered[at] = ''
        }
      }
      output.flushAll()
      for (const at of [0, 1, 2]) expect(sockets[at]!.taken).toBe(sent[at]! + gathered[at]!)
    }),
  )
})

test('discarded data is not sent by the next user of the buffer', () => {
  const dropped = new Outbox(new PartialSocket(), output)
  append(dropped, 'secret')
  dropped.discard()
  const socket = new PartialSocket()
  append(new Outbox(socket, output), 'mine')
  output.flushAll()
  expect(socket.taken).toBe('mine')
})

test('a closed socket takes no data, and none is kept for it', () => {
  const socket = new PartialSocket([-1])
  const outbox = new Outbox(socket, output)
  append(outbox, 'lost')
  outbox.flush()
  append(outbox, 'lost too')
  outbox.flush()
  expect(outbox).toMatchObject({ broken: true, waiting: 0, sent: 0 })
  expect(socket.calls).toBe(1)
})

test.skipIf(process.platform !== 'linux')('reports how much the peer has acknowledged', async () => {
  await using server = net.createServer({ pauseOnConnect: true })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const accepted = new Promise<net.Socket>((resolve) => server.once('connection', resolve))
  const client = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } })
  const peer = await accepted
  const outbox = new Outbox(client, output)
  const bytes = Buffer.alloc(1_000_000)
  while (outbox.waiting === 0) outbox.append(bytes, 0, bytes.length)
  const { sent } = outbox
  expect(outbox.acknowledged).toBeLessThan(sent)
  peer.resume()
  await until('all is acknowledged', () => outbox.acknowledged === sent)
  expect(outbox.sent).toBe(sent)
  client.terminate()
  peer.destroy()
})

test('property: partial writes lose nothing, reorder nothing, and are counted', () => {
  const texts = fc.array(fc.string({ maxLength: 50, unit: 'grapheme-ascii' }), { maxLength: 12 })
  const large = fc.integer({ min: 0, max: 2 }).map((count) => 'x'.repeat(count * 40_000))
  const capacities = fc.array(fc.nat(30_000), { maxLength: 40 })
  fc.assert(
    fc.property(texts, large, capacities, fc.array(fc.boolean()), (list, big, room, drains) => {
      const socket = new PartialSocket(room)
      const outbox = new Outbox(socket, output)
      const all = [...list, big, ...list].map((text, index) => {
        append(outbox, text)
        if (drains[index] === true) outbox.flush()
        if (drains[index] === false) outbox.drained()
        return text
      })
      outbox.flush()
      expect(outbox.sent + outbox.waiting).toBe(all.join('').length)
      for (let turn = 0; turn < 200 && !outbox.drained(); turn++);
      expect(socket.taken).toBe(all.join(''))
      expect(outbox.waiting).toBe(0)
    }),
  )
})

test('an outbox that copies what it keeps does not need the bytes any longer', () => {
  const socket = new PartialSocket([10, 5])
  const outbox = new Outbox(socket, output, true)
  const bytes = Buffer.from(new Uint8Array(100_000).map((_, at) => at % 251).buffer)
  const all = bytes.toString('latin1')
  outbox.append(bytes, 0, bytes.length)
  freeBytes(bytes)
  expect(bytes).toHaveLength(0)
  expect(outbox.drained()).toBe(false)
  expect(outbox.drained()).toBe(true)
  expect(socket.taken === all).toBe(true)
})

test('released bytes are freed when the last of them is sent, and not before', () => {
  const socket = new PartialSocket([10, 5, 5])
  const outbox = new Outbox(socket, output)
  const [first, second] = [1, 2].map((fill) => Buffer.from(new Uint8Array(50_000).fill(fill).buffer))
  const all = first!.toString('latin1') + second!.toString('latin1')
  // In two parts, as chunked framing appends them.
  for (const bytes of [first!, second!]) {
    outbox.append(bytes, 0, 40_000)
    outbox.append(bytes, 40_000, 50_000)
    outbox.flush()
    outbox.release(bytes)
  }
  expect(outbox.drained()).toBe(false)
  expect([first!.length, second!.length]).toEqual([50_000, 50_000])
  expect(outbox.drained()).toBe(false)
  expect(outbox.drained()).toBe(true)
  expect(socket.taken === all).toBe(true)
  expect([first!.length, second!.length]).toEqual([0, 0])
})

test('released bytes that are sent already are freed at once', () => {
  const outbox = new Outbox(new PartialSocket(), output)
  const bytes = Buffer.from(new Uint8Array(50_000).buffer)
  outbox.append(bytes, 0, bytes.length)
  outbox.release(bytes)
  expect(bytes).toHaveLength(0)
})

test('bytes that share their memory with others are not freed', () => {
  const whole = Buffer.from(new Uint8Array(100_000).fill(1).buffer)
  freeBytes(whole.subarray(0, 50_000))
  expect(whole).toHaveLength(100_000)
})

test('small arrays keep their lazy buffer, which the runtime would have to create', () => {
  const bytes = Buffer.from('GET / HTTP/1.1\r\n\r\n')
  let asked = 0
  Object.defineProperty(bytes, 'buffer', { get: () => (asked++, new ArrayBuffer(0)) })
  freeBytes(bytes)
  expect(asked).toBe(0)
})
