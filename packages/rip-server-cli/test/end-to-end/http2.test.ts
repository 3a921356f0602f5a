import { expect, test } from 'bun:test'
import { copyFile, writeFile } from 'node:fs/promises'
import http2 from 'node:http2'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Sandbox, until } from '../server.ts'

const TEST_TIMEOUT_MS = 90_000
const RESTARTS = 2
const CHUNKS = 10
/** A pair made for tests; it serves nothing else. */
const CERTIFICATES = fileURLToPath(
  new URL('../../../rip-balancer/test/listener/certificates/', import.meta.url),
)

const app = `export default async (request) => {
  const { pathname } = new URL(request.url)
  if (pathname === '/stream') return new Response(stream())
  const { length } = await request.text()
  return Response.json({ pid: process.pid, body: length })
}
async function* stream() {
  for (let n = 0; n < ${CHUNKS}; n++) {
    await Bun.sleep(50)
    yield 'chunk ' + n + '\\n'
  }
}
`

interface Answer {
  readonly status: number
  readonly body: string
}

/** A client that opens another connection when the server says that the one it has goes away, as browsers do. */
class Browser {
  connections = 0
  private readonly url: string
  private session: http2.ClientHttp2Session | undefined

  constructor(url: string) {
    this.url = url
  }

  ask(path: string, body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = this.current().request({
        ':path': path,
        ':method': body === undefined ? 'GET' : 'POST',
      })
      let status = 0
      let text = ''
      request.setEncoding('latin1')
      request.on('response', (fields) => (status = Number(fields[':status'])))
      request.on('data', (chunk: string) => (text += chunk))
      request.on('end', () => resolve({ status, body: text }))
      request.on('error', reject)
      request.end(body)
    })
  }

  close(): void {
    this.session?.destroy()
  }

  private current(): http2.ClientHttp2Session {
    if (this.session !== undefined) return this.session
    const session = http2.connect(this.url, { rejectUnauthorized: false })
    this.connections++
    const forget = (): void => {
      if (this.session === session) this.session = undefined
    }
    session.on('goaway', forget).on('close', forget).on('error', forget)
    this.session = session
    return session
  }
}

test(
  'restart --manager loses no stream of a client that speaks HTTP/2',
  async () => {
    await using sandbox = await Sandbox.create()
    for (const ending of ['crt', 'key'])
      await copyFile(join(CERTIFICATES, `first.${ending}`), join(sandbox.folder, `server.${ending}`))
    await writeFile(join(sandbox.folder, 'index.js'), app)
    const files = ['--tls-cert', 'server.crt', '--tls-key', 'server.key']
    const server = await sandbox.start(sandbox.folder, 'w:2', '0', '-b', '127.0.0.1', ...files)
    const browser = new Browser(server.url)
    const lost: string[] = []
    let asked = 0
    let isOver = false
    const whole = Array.from({ length: CHUNKS }, (_, n) => `chunk ${n}\n`).join('')
    const asking = async (path: string, body: string | undefined, isRight: (answer: Answer) => boolean) => {
      while (!isOver) {
        const answer = await browser.ask(path, body).catch((error: unknown) => String(error))
        asked++
        if (typeof answer === 'string' || !isRight(answer)) lost.push(`${path}: ${JSON.stringify(answer)}`)
        await Bun.sleep(10)
      }
    }
    const load = Promise.all([
      asking('/', undefined, ({ status }) => status === 200),
      asking('/', 'x'.repeat(100_000), ({ body }) => body.includes('"body":100000')),
      asking('/stream', undefined, ({ body }) => body === whole),
    ])
    for (let times = 0; times < RESTARTS; times++) {
      const before = browser.connections
      expect((await sandbox.run('restart', '--manager')).code).toBe(0)
      await until('the browser has another connection', () => browser.connections > before)
    }
    isOver = true
    await load
    browser.close()
    expect(lost).toEqual([])
    expect(asked).toBeGreaterThan(20)
    expect((await sandbox.run('stop')).code).toBe(0)
  },
  TEST_TIMEOUT_MS,
)
