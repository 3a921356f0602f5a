/** Clients that people use, over TLS: the one of Bun and Node.js, `fetch`, and curl. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http2 from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import type { TlsSource } from '../../../src/tls/tls-source.ts'
import { TestBalancer, eventually } from '../../exchange/data-plane.ts'

const certificate = (ending: string): string =>
  readFileSync(join(import.meta.dir, '..', 'certificates', `first.${ending}`), 'utf8')
const SOURCE: TlsSource = {
  current: () => ({ cert: certificate('crt'), key: certificate('key') }),
  subscribe: () => () => {},
}
const BODY = 'x'.repeat(1_000_000)

let balancer: TestBalancer
let backend: Bun.Server<undefined>
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rip-'))
  const path = join(folder, 'b.sock')
  backend = Bun.serve({
    unix: path,
    async fetch(request) {
      const { pathname } = new URL(request.url)
      if (pathname === '/echo') return new Response(request.body)
      if (pathname === '/large') return new Response(BODY)
      return Response.json({ path: pathname, proto: request.headers.get('x-forwarded-proto') })
    },
  })
  balancer = await TestBalancer.start([path], { listener: { http2: true, tls: SOURCE } })
})

afterAll(async () => {
  await balancer[Symbol.asyncDispose]()
  await backend.stop(true)
  rmSync(folder, { recursive: true })
})

const url = (path = ''): string => `https://127.0.0.1:${balancer.port}${path}`

interface Answer {
  readonly status: number | undefined
  readonly body: string
}

function ask(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = session.request(headers)
    let status: number | undefined
    let text = ''
    request.setEncoding('latin1')
    request.on('response', (fields) => (status = fields[':status']))
    request.on('data', (chunk: string) => (text += chunk))
    request.on('end', () => resolve({ status, body: text }))
    request.on('error', reject)
    request.end(body)
  })
}

async function withSession<T>(use: (session: http2.ClientHttp2Session) => Promise<T>): Promise<T> {
  const session = http2.connect(url(), { rejectUnauthorized: false })
  try {
    return await use(session)
  } finally {
    session.destroy()
  }
}

async function alpnOf(port: number, offered: string[] | undefined): Promise<string | false | null> {
  const options = { port, host: '127.0.0.1', rejectUnauthorized: false }
  const socket = tls.connect(offered === undefined ? options : { ...options, ALPNProtocols: offered })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  const { alpnProtocol } = socket
  socket.destroy()
  return alpnProtocol
}

describe('node:http2', () => {
  test('gets an answer', async () => {
    const { status, body } = await withSession((session) => ask(session, { ':path': '/a' }))
    expect(status).toBe(200)
    expect(JSON.parse(body)).toEqual({ path: '/a', proto: 'https' })
  })

  test('has a hundred requests under way on one connection', async () => {
    const answers = await withSession((session) =>
      Promise.all(Array.from({ length: 100 }, (_, at) => ask(session, { ':path': `/${at}` }))),
    )
    expect(answers.map(({ body }) => (JSON.parse(body) as { path: string }).path)).toEqual(
      answers.map((_, at) => `/${at}`),
    )
  })

  test('sends a megabyte and gets it back', async () => {
    const headers = { ':path': '/echo', ':method': 'POST' }
    const { body } = await withSession((session) => ask(session, headers, BODY))
    expect(body === BODY).toBe(true)
  })

  test('gets ten megabytes at the same time', async () => {
    const answers = await withSession((session) =>
      Promise.all(Array.from({ length: 10 }, () => ask(session, { ':path': '/large' }))),
    )
    expect(answers.every(({ body }) => body === BODY)).toBe(true)
  })

  test('gives up, which the record says', async () => {
    const before = balancer.ended.length
    await withSession(async (session) => {
      const request = session.request({ ':path': '/large' })
      request.on('error', () => {})
      await new Promise((resolve) => request.once('response', resolve))
      request.close(http2.constants.NGHTTP2_CANCEL)
    })
    await eventually(() => balancer.ended.length > before)
  })
})

describe('fetch', () => {
  test('speaks HTTP/1.1, and gets the same answer', async () => {
    const response = await fetch(url('/a'), { tls: { rejectUnauthorized: false } })
    expect(await response.json()).toEqual({ path: '/a', proto: 'https' })
  })
})

describe('curl', () => {
  test.each(['--http2', '--http1.1'])('gets an answer with %s', async (version) => {
    const child = Bun.spawn(['curl', '-sk', version, '-w', ' %{http_version}', url('/a')], { stdout: 'pipe' })
    const said = await new Response(child.stdout).text()
    expect(said).toEndWith(version === '--http2' ? ' 2' : ' 1.1')
    expect(said).toContain('"path":"/a"')
  })

  test('reads the refusal of a body that is too large, although it comes while it is still sending', async () => {
    const body = ['--data-binary', '@-', '-H', 'Expect:']
    const child = Bun.spawn(
      ['curl', '-sk', '--http2', '-o', '/dev/null', '-w', '%{http_code}', ...body, url('/a')],
      { stdin: Buffer.alloc(2_000_000), stdout: 'pipe' },
    )
    expect(await new Response(child.stdout).text()).toBe('413')
    expect(await child.exited).toBe(0)
  })
})

describe('a handshake', () => {
  test('chooses HTTP/2 where the client offers both', async () => {
    expect(await alpnOf(balancer.port, ['http/1.1', 'h2'])).toBe('h2')
    expect(await alpnOf(balancer.port, ['http/1.1'])).toBe('http/1.1')
  })

  test('without ALPN stays with HTTP/1.1', async () => {
    expect(await alpnOf(balancer.port, undefined)).toBe(false)
  })

  test('fails for a client that can speak neither', async () => {
    expect(alpnOf(balancer.port, ['h3'])).rejects.toThrow()
  })

  test('offers nothing where HTTP/2 is switched off', async () => {
    await using plain = await TestBalancer.start([], { listener: { http2: false, tls: SOURCE } })
    expect(await alpnOf(plain.port, ['h2', 'http/1.1'])).toBe(false)
  })
})
