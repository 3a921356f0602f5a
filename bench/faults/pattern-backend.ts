/**
 * A backend on the port in the first argument, with the name in the second. Its behaviour is the last line on its
 * standard input; `good` answers with its name and the target. It answers each such line, and `count`, with the number
 * of requests it got while it was not good, without checks and questions of balancers.
 */
import net from 'node:net'
import { createInterface } from 'node:readline'

const [port = '0', name = ''] = process.argv.slice(2)
const SLOW_MS = 1_500
const MEGABYTE = Buffer.alloc(2 ** 20, 'x')
const HEAD_END = '\r\n\r\n'

let behaviour = 'good'
let requests = 0
let whileBad = 0
const connections = new Set<net.Socket>()

function answer(socket: net.Socket, target: string): void {
  const length = Number(/^\/bytes\/(\d+)/.exec(target)?.[1] ?? 0)
  const body = length === 0 ? Buffer.from(`${name} ${target}`) : Buffer.alloc(length, 'x')
  const head = `HTTP/1.1 200 OK\r\nX-Backend: ${name}\r\nContent-Length: ${body.length}${HEAD_END}`
  socket.write(Buffer.concat([Buffer.from(head), body]))
}

function breakOff(socket: net.Socket): void {
  const head = `HTTP/1.1 200 OK\r\nX-Backend: ${name}\r\nContent-Length: ${2 * MEGABYTE.length}${HEAD_END}`
  socket.write(Buffer.concat([Buffer.from(head), MEGABYTE]), () => socket.resetAndDestroy())
}

const BEHAVIOURS: Readonly<Record<string, (socket: net.Socket, target: string) => void>> = {
  good: answer,
  reset: (socket) => socket.resetAndDestroy(),
  hang: () => {},
  slow: (socket, target) => void setTimeout(() => answer(socket, target), SLOW_MS),
  garbage: (socket) => socket.end('\0\xff\r\n\r\nthis is not HTTP\r\n'),
  'one-in-ten': (socket, target) =>
    ++requests % 10 === 0 ? socket.resetAndDestroy() : answer(socket, target),
  'after-1mb': (socket, target) => (target.startsWith('/bytes/') ? breakOff(socket) : answer(socket, target)),
}

/** Reads requests whose bodies, if any, have a Content-Length. */
function serve(socket: net.Socket): void {
  connections.add(socket)
  let received = ''
  socket.on('error', () => {})
  socket.on('close', () => connections.delete(socket))
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1')
    for (let end = received.indexOf(HEAD_END); end !== -1; end = received.indexOf(HEAD_END)) {
      const head = received.slice(0, end)
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
      if (received.length < end + HEAD_END.length + length) return
      received = received.slice(end + HEAD_END.length + length)
      const target = head.split(' ', 2)[1] ?? ''
      if (behaviour !== 'good' && target !== '/up' && target !== '*') whileBad++
      BEHAVIOURS[behaviour]!(socket, target)
    }
  })
}

const server = net.createServer(serve)
const listen = (): Promise<void> =>
  new Promise((resolve) => server.listen(Number(port), '127.0.0.1', () => resolve()))

async function behave(next: string): Promise<void> {
  const wasRefusing = behaviour === 'refuse'
  behaviour = next
  if (wasRefusing && next !== 'refuse') await listen()
  if (wasRefusing || next !== 'refuse') return
  server.close()
  for (const connection of connections) connection.destroy()
}

await listen()
console.log(whileBad)
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'count') await behave(line.trim())
  console.log(whileBad)
}
process.exit()
