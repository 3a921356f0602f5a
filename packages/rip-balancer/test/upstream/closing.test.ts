/** How connections end that have served their requests: a backend takes a reset for an error, and logs it or crashes. */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'
import { until } from '@rip/testing'
import { balance } from '../../src/index.ts'
import { pem } from '../tls/tls-backend.ts'

const ENDS: Readonly<Record<string, (socket: net.Socket) => void>> = {
  'says that it ends': (socket) =>
    void socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'),
  'ends it, as one that refuses an upgrade': (socket) =>
    void socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'),
  'ends a body with it': (socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\nok'),
  'leaves it open until the balancer closes': (socket) =>
    void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
}

for (const scheme of ['http', 'https'] as const)
  for (const [what, respond] of Object.entries(ENDS))
    test(`a connection over ${scheme} ends without a reset when the backend ${what}`, async () => {
      const heard: string[] = []
      const accept = (socket: net.Socket): void => {
        socket.on('data', () => respond(socket))
        socket.on('end', () => heard.push('end'))
        socket.on('error', ({ message }) => heard.push(message))
        socket.on('close', () => heard.push('close'))
      }
      const certificate = { cert: readFileSync(pem('backend.crt')), key: readFileSync(pem('backend.key')) }
      const backend = scheme === 'http' ? net.createServer(accept) : tls.createServer(certificate, accept)
      await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))
      const { port } = backend.address() as net.AddressInfo
      const to = `${scheme === 'https' ? 'https://' : ''}127.0.0.1:${port}`
      const lb = await balance({ listen: '127.0.0.1:0', to, backendTls: { ca: pem('authority.crt') } })
      await (await fetch(lb.url)).text()
      await lb.close()
      await until('the connection has ended', () => heard.includes('close'))
      expect(heard).toEqual(['end', 'close'])
      await new Promise((resolve) => backend.close(resolve))
    })
