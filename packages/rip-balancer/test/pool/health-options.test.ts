import { describe, expect, test } from 'bun:test'
import { until } from '@rip/testing'
import type { BalancerConfig } from '../../src/config/config.ts'
import { configProblems, resolveConfig } from '../../src/config/resolve-config.ts'
import { balance, type Balancer } from '../../src/index.ts'
import { RawBackend, eventually } from '../exchange/data-plane.ts'

type Health = NonNullable<BalancerConfig['health']>

const QUICK = { path: '/up', interval: 20, fall: 1, rise: 1 }
const answer = (status: number, body: string): string =>
  `HTTP/1.1 ${status} Said\r\nContent-Length: ${body.length}\r\n\r\n${body}`

const stateOf = (lb: Balancer): string | undefined => lb.pool.status().backends[0]?.state

/** Whether a backend with this answer to checks stays in after some of them. */
async function staysIn(said: string, health: Health): Promise<boolean> {
  let checks = 0
  await using backend = await RawBackend.startOnTcp((socket) => {
    checks++
    socket.end(said)
  })
  await using lb = await balance({
    listen: '127.0.0.1:0',
    to: `127.0.0.1:${backend.port}`,
    health: { ...QUICK, ...health },
  })
  await until('checks', () => checks >= 4 || stateOf(lb) === 'unhealthy')
  return stateOf(lb) === 'serving'
}

describe('a health check', () => {
  test.each([
    [204, {}, true],
    [302, {}, false],
    [500, {}, false],
    [302, { status: '200-399' }, true],
    [401, { status: 401 }, true],
    [200, { status: 401 }, false],
    [404, { status: ['200-299', 404] }, true],
    [403, { status: ['200-299', '404'] }, false],
  ] as const)('that is answered with %d passes by its configuration: %p', async (status, health, passes) => {
    expect(await staysIn(`HTTP/1.1 ${status} Said\r\nContent-Length: 0\r\n\r\n`, health)).toBe(passes)
  })

  test.each([
    ['ready: yes', 'ready', true],
    ['not yet', 'ready', false],
    [`${'x'.repeat(60_000)}ready`, 'ready', true],
    [`${'x'.repeat(70_000)}ready`, 'ready', false],
  ])('looks for a text in the first part of the answer', async (body, expected, passes) => {
    expect(await staysIn(answer(200, body), { body: expected })).toBe(passes)
  })

  test('with an answer that ends with the connection, or comes in chunks, passes', async () => {
    expect(await staysIn('HTTP/1.0 200 OK\r\n\r\nready', { body: 'ready' })).toBe(true)
    const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n'
    expect(await staysIn(`HTTP/1.1 103 Early Hints\r\n\r\n${chunked}`, { body: 'ready' })).toBe(true)
  })

  test.each([
    'SSH-2.0-OpenSSH\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
    '',
  ])('with a malformed answer does not pass: %j', async (said) => {
    expect(await staysIn(said, {})).toBe(false)
  })

  test('asks with the configured method, host and path', async () => {
    await using backend = await RawBackend.startOnTcp((socket) =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'),
    )
    const health = { ...QUICK, path: '/up?deep=1', method: 'HEAD', host: 'shop.example' }
    await using lb = await balance({ listen: '127.0.0.1:0', to: `127.0.0.1:${backend.port}`, health })
    await eventually(() => backend.received.length > 2)
    expect(backend.received[0]).toStartWith('HEAD /up?deep=1 HTTP/1.1\r\nHost: shop.example\r\n')
    expect(stateOf(lb)).toBe('serving')
  })

  test('sends the address as Host by default, and can use another port', async () => {
    await using checks = await RawBackend.startOnTcp((socket) => socket.end(answer(200, 'ok')))
    await using backend = await RawBackend.startOnTcp(() => {})
    const health = { ...QUICK, port: checks.port }
    await using lb = await balance({ listen: '127.0.0.1:0', to: `127.0.0.1:${backend.port}`, health })
    await eventually(() => checks.received.length > 2)
    expect(checks.received[0]).toStartWith(`GET /up HTTP/1.1\r\nHost: 127.0.0.1:${checks.port}\r\n`)
    expect([backend.received, stateOf(lb)]).toEqual([[], 'serving'])
  })

  test('logs why a backend is taken out, and that it is back', async () => {
    let said = answer(404, 'no')
    await using backend = await RawBackend.startOnTcp((socket) => socket.end(said))
    const warnings: string[] = []
    const to = { id: 'a\nb', address: `127.0.0.1:${backend.port}` }
    await using lb = await balance(
      { listen: '127.0.0.1:0', to, health: QUICK },
      { onWarning: (warning) => void warnings.push(warning) },
    )
    await until('it is taken out', () => stateOf(lb) === 'unhealthy')
    said = answer(200, 'yes')
    await until('it is back', () => stateOf(lb) === 'serving')
    expect(warnings).toEqual([
      'backend a\\x0ab takes nothing new: health check failed: status 404',
      'backend a\\x0ab takes requests again: it recovered, its health checks pass',
    ])
  })
})

test.each([
  [{ method: 'GET /' }, 'health.method'],
  [{ method: 'CONNECT' }, 'health.method'],
  [{ status: 99 }, 'health.status'],
  [{ status: '299-200' }, 'health.status'],
  [{ status: ['200', 'ok'] }, 'health.status'],
  [{ port: 0 }, 'health.port'],
  [{ port: 65_536 }, 'health.port'],
  [{ tls: 'yes' }, 'health.tls'],
  [{ method: 'HEAD', body: 'x' }, 'health.body'],
  [{ body: 7 }, 'health.body'],
])('an invalid check is refused: %p', (health, path) => {
  const problems = configProblems({ health: { path: '/up', ...(health as Health) } })
  expect(problems).toHaveLength(1)
  expect(problems[0]).toStartWith(path)
})

test('a check without options requires a 2xx', () => {
  expect(resolveConfig({ health: { path: '/up' } }).health).toMatchObject({
    method: 'GET',
    statuses: [{ from: 200, to: 299 }],
  })
})
