import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ListenAddress, openListenSocket } from '@rip/manager'
import { OpsListener, type OpsListenerOptions } from '../../src/ops/ops-listener.ts'

const owned: AsyncDisposable[] = []

afterEach(async () => {
  for (const each of owned.splice(0)) await each[Symbol.asyncDispose]()
})

interface Opened {
  readonly listener: OpsListener
  readonly url: string
  readonly port: number
}

async function open(
  sources: Partial<Pick<OpsListenerOptions, 'unreadiness' | 'metrics'>> = {},
  address: ListenAddress = { host: '127.0.0.1', port: 0 },
): Promise<Opened> {
  const socket = await openListenSocket(address)
  const listener = new OpsListener({
    socket,
    address,
    unreadiness: () => undefined,
    metrics: async () => '# HELP a_total Why.\n# TYPE a_total counter\na_total 1\n',
    ...sources,
  })
  owned.push(listener)
  listener.accept()
  const port = 'port' in listener.address ? listener.address.port : 0
  return { listener, url: `http://127.0.0.1:${port}`, port }
}

/** Resolves when a request is on its way, with what will be answered. */
async function send(port: number, path: string): Promise<{ readonly answer: Promise<string> }> {
  const sent = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<string>()
  let text = ''
  const socket = connect(port, '127.0.0.1', () =>
    socket.write(`GET ${path} HTTP/1.1\r\n\r\n`, () => sent.resolve()),
  )
  socket.on('data', (bytes) => (text += String(bytes)))
  socket.on('close', () => answered.resolve(text))
  socket.on('error', sent.reject)
  await sent.promise
  return { answer: answered.promise }
}

/** All that is answered to these bytes. */
async function exchange(port: number, ...parts: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  const socket = connect(port, '127.0.0.1', () => {
    for (const part of parts) socket.write(part)
  })
  socket.on('data', (bytes) => (text += String(bytes)))
  socket.on('close', () => resolve(text))
  socket.on('error', reject)
  return promise
}

describe('the listener for probes', () => {
  test('says that it lives, and whether requests may be sent, with the reason in one line', async () => {
    let reason: string | undefined
    const { url } = await open({ unreadiness: () => reason })
    expect(await (await fetch(`${url}/live`)).text()).toBe('live\n')
    expect(await (await fetch(`${url}/ready?verbose`)).text()).toBe('ready\n')
    reason = 'two\nlines'
    const answer = await fetch(`${url}/ready`)
    expect([answer.status, await answer.text()]).toEqual([503, 'not ready: two lines\n'])
    expect((await fetch(`${url}/live`)).status).toBe(200)
  })

  test('has metrics in the format that is asked for, and never from a cache', async () => {
    const { url } = await open()
    const plain = await fetch(`${url}/metrics`, { headers: { accept: '*/*' } })
    expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(plain.headers.get('cache-control')).toBe('no-store')
    expect(await plain.text()).toEndWith('a_total 1\n')
    const accept = 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5'
    const open1 = await fetch(`${url}/metrics`, { headers: { accept } })
    expect(open1.headers.get('content-type')).toStartWith('application/openmetrics-text; version=1.0.0')
    expect(await open1.text()).toBe('# HELP a Why.\n# TYPE a counter\na_total 1\n# EOF\n')
  })

  test('answers HEAD without a body, nothing else but GET, and says what there is', async () => {
    const { url, port } = await open()
    expect(await exchange(port, 'HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Length: 53\r\n[\s\S]*\r\n\r\n$/,
    )
    const posted = await fetch(`${url}/ready`, { method: 'POST' })
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    const missing = await fetch(`${url}/`)
    expect([missing.status, await missing.text()]).toEqual([404, 'there is /live, /ready and /metrics\n'])
  })

  test('takes a head in parts, of HTTP/1.0, and with a whole URL; what follows it is no second request', async () => {
    const { port } = await open()
    expect(await exchange(port, 'GET /li', 've HTTP/1.0\r\n', '\r\n')).toEndWith('\r\n\r\nlive\n')
    const twice = 'GET http://a:1/live HTTP/1.1\r\nHost: a\r\n\r\nGET /ready HTTP/1.1\r\n\r\n'
    expect((await exchange(port, twice)).match(/HTTP\/1\.1/g)).toHaveLength(1)
  })

  test('refuses what is no request, and heads without end', async () => {
    const { port } = await open()
    for (const bytes of [
      '\x16\x03\x01 of TLS\r\n\r\n',
      'GET /live HTTP/2.0\r\n\r\n',
      `GET /${'a'.repeat(9_000)}`,
    ])
      expect(await exchange(port, bytes)).toStartWith('HTTP/1.1 400 Bad Request\r\n')
  })

  test('answers while more connections are open than it keeps: the oldest gives way', async () => {
    const { url, port } = await open()
    const ends: Promise<string>[] = []
    for (let n = 0; n < 70; n++) ends.push(exchange(port, 'GET /li').catch(() => 'reset'))
    expect(await Promise.race(ends)).not.toContain('HTTP')
    expect((await fetch(`${url}/live`)).status).toBe(200)
  })

  test('sends long answers whole, also to those who read slowly, and renders once for those who come at once', async () => {
    let rendered = 0
    const { promise, resolve } = Promise.withResolvers<string>()
    const text = `a ${'1'.repeat(8_000_000)}\n`
    const { port } = await open({ metrics: () => (rendered++, promise) })
    const first = await send(port, '/metrics')
    const second = await send(port, '/metrics')
    // It was sent after them, so that when it is answered they have come, too.
    expect(await (await send(port, '/ready')).answer).toContain('ready')
    resolve(text)
    for (const { answer } of [first, second]) expect((await answer).split('\r\n\r\n')[1]).toBe(text)
    expect(rendered).toBe(1)
  })

  test('says what went wrong when metrics cannot be made, and goes on', async () => {
    const { url } = await open({ metrics: () => Promise.reject(new Error('no figures')) })
    const answer = await fetch(`${url}/metrics`)
    expect([answer.status, await answer.text()]).toEqual([500, 'Error: no figures\n'])
    expect((await fetch(`${url}/live`)).status).toBe(200)
  })

  test('listens on a Unix socket, which it removes in the end', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ops-'))
    try {
      const unix = join(folder, 'o.sock')
      const { listener } = await open({}, { unix, mode: 0o600 })
      expect(await (await fetch('http://a/live', { unix })).text()).toBe('live\n')
      await listener.close()
      expect(await Bun.file(unix).exists()).toBe(false)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('keeps probes waiting, not refused, between the one that hands its socket over and its successor', async () => {
    const { listener, url } = await open()
    expect((await fetch(`${url}/live`)).status).toBe(200)
    listener.handOver()
    const waiting = fetch(`${url}/live`)
    // As the successor does, which has the same socket.
    listener.accept()
    expect((await waiting).status).toBe(200)
  })
})
