import { expect, test } from 'bun:test'
import net from 'node:net'
import { eventually, TestBalancer } from './data-plane.ts'
import { InProcess, timelessSettings } from './in-process.ts'

const BODY_BYTES = 8 * 1024 * 1024

/** Sends the whole request before it reads, as simple clients do. */
async function sendThenRead(port: number, head: string, bodyBytes: number): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.pause()
  const failed = new Promise<never>((_, reject) => socket.once('error', reject))
  const written = new Promise<void>((resolve) => {
    socket.write(head)
    socket.write(Buffer.alloc(bodyBytes, 'x'), () => resolve())
  })
  await Promise.race([written, failed])
  const read = new Promise<string>((resolve) => {
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    socket.on('end', () => resolve(text))
    socket.resume()
  })
  try {
    return await Promise.race([read, failed])
  } finally {
    socket.destroy()
  }
}

test('a client that sends megabytes after an early answer gets the answer, not a reset', async () => {
  await using balancer = await TestBalancer.start(['/nonexistent'], { limits: { maxBodyBytes: 1_000 } })
  const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`
  expect(await sendThenRead(balancer.port, head, BODY_BYTES)).toStartWith('HTTP/1.1 413 ')
})

test('a client that never stops sending is cut off after its answer', async () => {
  await using balancer = await TestBalancer.start(['/nonexistent'], { limits: { maxBodyBytes: 1_000 } })
  const socket = net.connect({ port: balancer.port, host: '127.0.0.1', allowHalfOpen: true })
  let text = ''
  let isClosed = false
  socket.on('data', (chunk) => (text += chunk.toString('latin1')))
  socket.on('error', () => {})
  socket.on('close', () => (isClosed = true))
  const begunAt = performance.now()
  socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`)
  const sending = setInterval(() => socket.write(Buffer.alloc(1_024, 'x')), 20)
  await eventually(() => isClosed, 15_000)
  clearInterval(sending)
  expect(text).toStartWith('HTTP/1.1 413 ')
  expect(performance.now() - begunAt).toBeLessThan(10_000)
}, 20_000)

test('a client that ends its side before it has read its early answer gets all of it, and nothing else', () => {
  const exchange = new InProcess(timelessSettings())
  exchange.client.roomBytes = 20
  exchange.send(Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n'))
  exchange.clientEnds()
  exchange.clientMakesRoom(10_000)
  expect(exchange.client.written).toStartWith('HTTP/1.1 413 ')
  expect(exchange.client.written.match(/HTTP\/1\.1/g)).toHaveLength(1)
  expect(exchange.client.state).toBe('ended')
})
