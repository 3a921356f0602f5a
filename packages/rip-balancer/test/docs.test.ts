import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { readFileSync, writeFileSync } from 'node:fs'
import { until } from '@rip/testing'
import { ConfigSource } from '../src/cli/config-source.ts'
import { AdminClient, balance, type Backend } from '../src/index.ts'
import { poolReports } from '../src/log/pool-reports.ts'
import { TlsReports } from '../src/log/tls-reports.ts'
import { tlsFailure } from '../src/tls/tls-failure.ts'
import { TempFolder, TestBackend, named } from './servers.ts'

setDefaultTimeout(20_000)

const page = (name: string): string => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')
const source = (name: string): string => readFileSync(new URL(`../src/${name}`, import.meta.url), 'utf8')
const API = page('balancer-api.md')
const OPERATION = page('balancer-operation.md')

/** The cells of the table below a heading, without its head. */
function rows(text: string, heading: string): string[][] {
  const section = text.slice(text.indexOf(`\n## ${heading}\n`) + 1).split('\n## ')[0]!
  const lines = section.split('\n').filter((line) => line.startsWith('|'))
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

const plain = (cell: string): string => cell.replaceAll('`', '')

/** Paths of all members; `pools[].name` for members of objects in a list. */
function paths(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) {
    const isOfObjects = value.some((each) => typeof each === 'object')
    return isOfObjects ? paths(value[0], `${path}[]`) : [path]
  }
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([key, each]) => paths(each, path === '' ? key : `${path}.${key}`))
}

const pem = (file: string): string => join(import.meta.dir, 'tls/certificates', file)

/** A balancer whose status and metrics have content. */
async function busy(folder: TempFolder) {
  const backend = named(folder, 'a')
  const admin = folder.file('admin.sock')
  const balancer = await balance({
    listen: [
      '127.0.0.1:0',
      { address: '127.0.0.1:0', tls: { cert: pem('backend.crt'), key: pem('backend.key') } },
    ],
    admin: `unix:${admin}`,
  })
  const client = new AdminClient({ socket: admin })
  await client.prepare('g1', [{ id: 'a', address: backend.address }])
  await client.cut('g1')
  await (await fetch(balancer.url)).text()
  return {
    client,
    socket: admin,
    async [Symbol.asyncDispose]() {
      await balancer.close()
      await backend[Symbol.asyncDispose]()
    },
  }
}

describe('the page on the API', () => {
  test('lists every metric, with its type, its labels and its help', async () => {
    using folder = new TempFolder()
    await using lb = await busy(folder)
    const lines = (await lb.client.metrics()).split('\n')
    const rendered = lines.flatMap((line) => {
      const [, name = '', help = ''] = /^# HELP (\S+) (.*)$/.exec(line) ?? []
      if (name === '') return []
      const type = lines.find((each) => each.startsWith(`# TYPE ${name} `))!.split(' ')[3]!
      const labels = lines.flatMap((each) =>
        each.startsWith(`${name}{`) || each.startsWith(`${name}_bucket{`)
          ? [...each.matchAll(/(\w+)="/g)].map(([, label = '']) => label)
          : [],
      )
      return [[name, type, [...new Set(labels)].join(', '), help]]
    })
    expect(rows(API, 'Metrics').map((row) => row.map(plain))).toEqual(rendered)
  })

  test('lists every field of the status', async () => {
    using folder = new TempFolder()
    await using lb = await busy(folder)
    const documented = rows(API, 'Status').map(([field = '']) => plain(field))
    expect(documented).toEqual(paths(await lb.client.status()))
  })

  test('lists every event', () => {
    const types = [...source('events.ts').matchAll(/readonly type: '([\w-]+)'/g)].map(([, type]) => type)
    expect(rows(API, 'Events').map(([type = '']) => plain(type))).toEqual(expect.arrayContaining(types))
    expect(rows(API, 'Events')).toHaveLength(types.length)
  })

  test('lists every event of connections', () => {
    // The compiler sees to it that this table has every event.
    const [, table = ''] =
      /EVENTS: Readonly<Record<ConnectionEvent, true>> = {\n([\s\S]*?)\n}/.exec(
        source('metrics/metrics.ts'),
      ) ?? []
    const events = [...table.matchAll(/^ *'?([\w-]+)'?: true/gm)].map(([, event = '']) => event)
    expect(events.length).toBeGreaterThan(0)
    const text = API.slice(API.indexOf('`event` is one of')).replace('`event` is one of', '')
    expect([...text.matchAll(/`([\w-]+)`/g)].map(([, event = '']) => event)).toEqual(events)
  })

  test('lists every call', () => {
    const server = source('admin/admin-server.ts')
    const direct = [...server.matchAll(/call === '(\w+ \/[\w-]+)'/g)].map(([, call = '']) => call)
    const verbs = [...server.matchAll(/^ {2}'POST ([\w-]+)':/gm)].map(([, verb]) => `POST /pools/app/${verb}`)
    const documented = rows(API, 'Calls').map(([call = '']) => plain(call))
    expect(direct.length * verbs.length).toBeGreaterThan(0)
    for (const call of [...direct, ...verbs, 'GET /pools/app', 'PUT /pools/app'])
      expect(documented).toContain(call)
    expect(documented).toHaveLength(direct.length + verbs.length + 2)
  })

  test('lists only calls that exist', async () => {
    for (const [call = ''] of rows(API, 'Calls')) {
      // Some calls end the balancer that answers them.
      using folder = new TempFolder()
      await using lb = await busy(folder)
      const [method = '', path = ''] = plain(call).split(' ')
      const init = { method, unix: lb.socket, ...(method !== 'GET' && { body: 'no JSON' }) }
      const answer = await fetch(`http://balancer${path}`, init)
      expect([call, await answer.text()]).toEqual([call, expect.not.stringContaining('UNKNOWN_CALL')])
    }
  })
})

describe('the page on operation', () => {
  test('has every line of the log about a backend', () => {
    const told: string[] = []
    const reports = poolReports((line) => void told.push(line))
    const backend = { id: 'b1', inFlight: 3 } as Backend
    for (const illness of [
      'status 500',
      'connection refused',
      'timed out after 2 s',
      'connection reset',
      'connection closed in the middle of the answer',
      'its answer does not contain the text of health.body',
      'the answer is not valid HTTP: it has several fields Content-Length',
    ])
      reports.health(backend, false, illness)
    reports.health(backend, true, undefined)
    reports.health(backend, true, 'its health checks were switched off')
    reports.ejected(backend, 1_000, 'refuses', undefined)
    reports.ejected(backend, 1_000, 'silent', undefined)
    const expired = Object.assign(new Error('certificate has expired'), {
      code: 'CERT_HAS_EXPIRED',
    })
    reports.ejected(backend, 1_000, 'insecure', tlsFailure(expired))
    reports.ejected(backend, 2_000, 'suspect', undefined)
    reports.readmitted(backend, 'refuses')
    reports.readmitted(backend, 'insecure')
    reports.readmitted(backend, 'suspect')
    reports.drained(backend, 'alice', 3)
    reports.emptied(backend)
    reports.undrained(backend, 'alice')
    new TlsReports((line) => void told.push(line)).note(
      'b1',
      'TLS: unknown authority: self signed certificate (DEPTH_ZERO_SELF_SIGNED_CERT)',
    )
    expect(rows(OPERATION, 'What the log says').map(([line = '']) => plain(line))).toEqual(told)
  })

  test('names every state of a backend', () => {
    const [, union = ''] = /readonly state: (.*)\n/.exec(source('pool/pool-status.ts')) ?? []
    const states = [...union.matchAll(/'(\w+)'/g)].map(([, state = '']) => state)
    const named = rows(OPERATION, 'What is going on').map(([state = '']) => plain(state))
    expect(named.toSorted()).toEqual(states.toSorted())
  })

  test('begins with a valid configuration', () => {
    using folder = new TempFolder()
    const file = folder.file('balancer.json')
    writeFileSync(file, /```jsonc\n([\s\S]*?)```/.exec(OPERATION)?.[1] ?? '')
    expect(new ConfigSource(file).load()).toMatchObject({
      listen: ':8080',
      metrics: '127.0.0.1:9090',
    })
  })
})

test('every way in which a health check can fail has a name', async () => {
  using folder = new TempFolder()
  const answers: Record<string, () => Response | Promise<Response>> = {
    'status 503': () => new Response('', { status: 503 }),
    'status 302': () => new Response('', { status: 302, headers: { location: '/' } }),
  }
  for (const [expected, answer] of Object.entries(answers)) {
    await using backend = new TestBackend(folder.file('a.sock'), answer)
    expect(await reasonOf(backend.address)).toBe(`health check failed: ${expected}`)
  }
  await using late = new TestBackend(folder.file('late.sock'), () =>
    Bun.sleep(500).then(() => new Response('late')),
  )
  expect(await reasonOf(late.address, 50)).toBe('health check failed: timed out after 0.05 s')
  expect(await reasonOf(`unix:${folder.file('nobody.sock')}`)).toBe(
    'health check failed: its socket does not exist',
  )
  using reset = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: { data: (socket) => socket.terminate() },
  })
  expect(await reasonOf(`127.0.0.1:${reset.port}`)).toBe('health check failed: connection reset')
  const saying = (text: string) =>
    Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: { data: (socket) => void socket.end(text) },
    })
  using short = saying('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort')
  expect(await reasonOf(`127.0.0.1:${short.port}`)).toBe(
    'health check failed: connection closed in the middle of the answer',
  )
  using other = saying('SSH-2.0-OpenSSH\r\n')
  expect(await reasonOf(`127.0.0.1:${other.port}`)).toBe(
    'health check failed: the answer is not valid HTTP: it has a first line other than HTTP/1.1 with a status from 100 to 599, and CRLF behind it',
  )
  const free = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { port } = free
  free.stop(true)
  expect(await reasonOf(`127.0.0.1:${port}`)).toBe('health check failed: connection refused')
})

/** Why the balancer takes a backend out. @param timeout of the check; a busy machine needs a long one where it is not to strike */
async function reasonOf(address: string, timeout = 10_000): Promise<string | null | undefined> {
  const health = { path: '/up', interval: 10, timeout, fall: 1 }
  await using balancer = await balance({ listen: '127.0.0.1:0', to: address, health })
  const first = () => balancer.status().pools[0]!.backends[0]!
  await until('it is taken out', () => first().state === 'unhealthy')
  return first().reason
}
