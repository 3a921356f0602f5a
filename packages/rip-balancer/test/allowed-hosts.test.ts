import { describe, expect, test } from 'bun:test'
import { AllowedHosts, isAllowableHost } from '../src/config/allowed-hosts.ts'
import { BalancerError, balance, createBalancer } from '../src/index.ts'
import { RawClient } from './exchange/data-plane.ts'
import { FrameClient, GET, fieldOf, withField } from './listener/http2/frame-client.ts'
import { TempFolder, TestBackend } from './servers.ts'

describe('an allowed host is answered:', () => {
  const hosts = new AllowedHosts(['Shop.Example', '*.ngrok.app'])
  test.each([
    '',
    'localhost',
    'LOCALHOST:3000',
    'localhost.',
    'app.localhost:80',
    '127.0.0.1:3000',
    '192.168.1.7',
    '[::1]:3000',
    '[::1]',
    'shop.example',
    'SHOP.example.:8080',
    'a.b.ngrok.app',
  ])('%p', (authority) => expect(hosts.has(authority)).toBe(true))

  test.each([
    'evil.example',
    'localhost.evil.example',
    'evillocalhost',
    '127.0.0.1.evil.example',
    'a.shop.example',
    'ngrok.app',
    'evilngrok.app',
    '.ngrok.app',
    '2130706433',
  ])('%p is refused', (authority) => expect(hosts.has(authority)).toBe(false))
})

test('an invalid host name is refused', () => {
  for (const name of ['*', '*.a', 'a-b.c', 'app']) expect([name, isAllowableHost(name)]).toEqual([name, true])
  for (const name of ['', '*.*', 'a:80', 'http://a', 'a b', 'a..b'])
    expect([name, isAllowableHost(name)]).toEqual([name, false])
  expect(() => createBalancer({ allowHosts: ['http://a'] })).toThrow(BalancerError)
})

describe('a foreign host', () => {
  async function answers(requests: readonly string[], allowHosts: readonly string[] = ['shop.example']) {
    using folder = new TempFolder()
    await using backend = new TestBackend(folder.file('b.sock'), () => new Response('the application'))
    const warnings: string[] = []
    const config = { listen: '127.0.0.1:0', to: backend.address, allowHosts }
    await using lb = await balance(config, { onWarning: (message) => void warnings.push(message) })
    const received: string[] = []
    for (const request of requests) {
      using client = await RawClient.connect(Number(new URL(lb.url).port))
      client.send(request)
      received.push(await client.until((text) => text.includes('\r\n\r\n')))
    }
    return { received, warnings, requests: backend.requests }
  }

  test('gets an answer that says how to allow it, is logged once, and not passed on', async () => {
    const get = 'GET / HTTP/1.1\r\nHost: evil.example:3000\r\n\r\n'
    const { received, warnings, requests } = await answers([get, get])
    expect(received[0]).toStartWith('HTTP/1.1 403 Forbidden\r\n')
    expect(received[0]).toContain('--allow-host evil.example,')
    expect(received[0]).toContain("allowHosts: ['evil.example']")
    expect(warnings).toEqual([expect.stringContaining('--allow-host evil.example')])
    expect(requests).toBe(0)
  })

  test('is answered as soon as the configuration allows it, because its connection was closed', async () => {
    using folder = new TempFolder()
    await using backend = new TestBackend(folder.file('b.sock'), () => new Response('the application'))
    const config = { listen: '127.0.0.1:0', to: backend.address }
    await using lb = await balance({ ...config, allowHosts: [] })
    const status = async (): Promise<number> =>
      (await fetch(lb.url, { headers: { host: 'shop.example' } })).status
    expect(await status()).toBe(403)
    await lb.reload({ ...config, allowHosts: ['shop.example'] })
    expect(await status()).toBe(200)
  })

  test('is answered when it is allowed', async () => {
    const hosts = ['shop.example', 'localhost:1', '127.0.0.1']
    const { received, warnings } = await answers(
      hosts.map((host) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
    )
    for (const text of received) expect(text).toStartWith('HTTP/1.1 200')
    expect(warnings).toEqual([])
    const all = await answers(['GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n'], ['*'])
    expect(all.received[0]).toStartWith('HTTP/1.1 200')
  })

  test('gets 421 in HTTP/2, so that a browser that has the connection for another host opens one for it', async () => {
    using folder = new TempFolder()
    await using backend = new TestBackend(folder.file('b.sock'), () => new Response('the application'))
    const listen = { address: '127.0.0.1:0', http2: true }
    await using lb = await balance({ listen, to: backend.address, allowHosts: ['shop.example'] })
    using client = await FrameClient.connect(Number(new URL(lb.url).port))
    client.request(1, withField(GET, ':authority', 'blog.example'))
    const refused = await client.settled(1)
    expect(fieldOf(refused.blocks[0], ':status')).toBe('421')
    expect(refused.body).toStartWith('421 Misdirected Request\n')
    expect(refused.body).toContain('--allow-host blog.example')
    client.request(3, withField(GET, ':authority', 'shop.example'))
    expect((await client.settled(3)).body).toBe('the application')
  })

  test('in the target counts, whatever the field says, and also for an upgrade', async () => {
    const { received, requests } = await answers([
      'GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 3\r\n\r\nabc',
      'OPTIONS * HTTP/1.1\r\nHost: evil.example\r\nMax-Forwards: 0\r\n\r\n',
    ])
    for (const text of received) expect(text).toStartWith('HTTP/1.1 403')
    expect(requests).toBe(0)
  })
})
