/**
 * Starts both programs by systemd's own `systemd-socket-activate`, as a socket unit does. Unlike the tests it needs that
 * program, and is run by `.ci/run`: `bun run peers`.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '@rip/testing'
import { PROGRAM, Sandbox, until } from '../server.ts'

setDefaultTimeout(60_000)

const BALANCER = fileURLToPath(new URL('../../../rip-balancer/bin/rip-balancer', import.meta.url))
const CERTIFICATE = fileURLToPath(
  new URL('../../../rip-balancer/test/listener/certificates/first', import.meta.url),
)
const tls = { rejectUnauthorized: false }

let sandbox: Sandbox

beforeAll(async () => {
  sandbox = await Sandbox.create()
  writeFileSync(join(sandbox.folder, 'index.js'), "export default () => new Response('hello')")
})
afterAll(() => sandbox[Symbol.asyncDispose]())

/** Waits until the sockets are there: what is asked from then on waits for the program. */
async function activate(
  sockets: Readonly<Record<string, string>>,
  ...command: readonly string[]
): Promise<AsyncDisposable> {
  const variables = Object.entries(sandbox.env()).flatMap(([name, value]) => ['--setenv', `${name}=${value}`])
  const listen = Object.values(sockets).flatMap((address) => ['--listen', address])
  const names = `--fdname=${Object.keys(sockets).join(':')}`
  let said = ''
  const child = Bun.spawn(['systemd-socket-activate', ...variables, ...listen, names, ...command], {
    cwd: sandbox.folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const read = (async () => {
    for await (const bytes of child.stderr) said += new TextDecoder().decode(bytes)
  })()
  const last = Object.values(sockets).at(-1)!
  await until('systemd listens', () => said.includes(`Listening on ${last} `))
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      expect([await child.exited, said]).toEqual([0, said])
      await read
    },
  }
}

const textOf = async (answer: Promise<Response>): Promise<string> => (await answer).text()

test('rip-server serves on all sockets but the one for probes, and the first request starts it', async () => {
  const [web, local, ops] = [
    `127.0.0.1:${freePort()}`,
    join(sandbox.folder, 'l.sock'),
    `127.0.0.1:${freePort()}`,
  ]
  await using _server = await activate({ web, local, ops }, PROGRAM, 'start', '.', '--workers', '1')
  expect(
    await Promise.all([textOf(fetch(`http://${web}`)), textOf(fetch('http://l/', { unix: local }))]),
  ).toEqual(['hello', 'hello'])
  expect(await textOf(fetch(`http://${ops}/ready`))).toBe('ready\n')
})

test('rip-server speaks TLS on the sockets of systemd', async () => {
  const web = `127.0.0.1:${freePort()}`
  const pair = ['--tls-cert', `${CERTIFICATE}.crt`, '--tls-key', `${CERTIFICATE}.key`]
  await using _server = await activate({ web }, PROGRAM, 'start', '.', '--workers', '1', ...pair)
  expect(await textOf(fetch(`https://${web}`, { tls }))).toBe('hello')
})

test('rip-balancer finds sockets by the names of their units', async () => {
  const [secure, plain] = [`127.0.0.1:${freePort()}`, `127.0.0.1:${freePort()}`]
  using backend = Bun.serve({ port: 0, fetch: () => new Response('from behind') })
  const config = {
    listen: [
      { address: 'fd:https', tls: { cert: `${CERTIFICATE}.crt`, key: `${CERTIFICATE}.key` } },
      'fd:http',
    ],
    to: `127.0.0.1:${backend.port}`,
  }
  writeFileSync(join(sandbox.folder, 'b.json'), JSON.stringify(config))
  await using _balancer = await activate({ https: secure, http: plain }, BALANCER, '--config', 'b.json')
  expect(
    await Promise.all([textOf(fetch(`https://${secure}`, { tls })), textOf(fetch(`http://${plain}`))]),
  ).toEqual(['from behind', 'from behind'])
})
