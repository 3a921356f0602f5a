import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import net from 'node:net'
import { fileURLToPath } from 'node:url'
import { pem } from './tls/tls-backend.ts'

// Programs and handshakes take long on a busy machine.
setDefaultTimeout(20_000)

const PROGRAM = fileURLToPath(new URL('fixtures/everything-it-asks.ts', import.meta.url))
const SPELLINGS = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY']

/** A proxy that counts connections and refuses them all. */
async function companyProxy(): Promise<{ url: string; visits: () => number } & AsyncDisposable> {
  let visits = 0
  const server = net.createServer((socket) => {
    visits++
    socket.on('error', () => {})
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    visits: () => visits,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe('backends and the admin socket are asked directly', () => {
  for (const [spelling, secure] of SPELLINGS.flatMap((each) => [
    [each, false] as const,
    [each, true] as const,
  ]))
    test(`whatever ${spelling} says${secure ? ', over TLS as well' : ''}`, async () => {
      await using proxy = await companyProxy()
      let checks = 0
      using backend = Bun.serve({
        port: 0,
        hostname: '127.0.0.1',
        ...(secure && { tls: { cert: Bun.file(pem('backend.crt')), key: Bun.file(pem('backend.key')) } }),
        fetch: ({ url }) => {
          const { pathname } = new URL(url)
          if (pathname === '/up') checks++
          return new Response(pathname === '/checks' ? String(checks) : 'the backend')
        },
      })
      const place = `127.0.0.1:${backend.port}`
      const args = secure ? [`https://${place}`, pem('authority.crt')] : [place]
      const child = Bun.spawn([process.execPath, PROGRAM, ...args], {
        env: { PATH: process.env['PATH'], [spelling]: proxy.url },
        stdout: 'pipe',
        stderr: 'inherit',
      })
      expect(await new Response(child.stdout).json()).toEqual({
        answer: 'the backend',
        admin: 1,
        states: ['serving', 'serving'],
      })
      expect(proxy.visits()).toBe(0)
    })
})
