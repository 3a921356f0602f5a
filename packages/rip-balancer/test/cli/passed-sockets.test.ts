import { expect, test } from 'bun:test'
import { closeSync, existsSync, renameSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { ConfigSource } from '../../src/cli/config-source.ts'
import { PassedSockets } from '../../src/cli/passed-sockets.ts'
import { runBalancer } from '../../src/cli/run-balancer.ts'
import { BalancerError } from '../../src/errors.ts'
import { TempFolder, TestBackend } from '../servers.ts'
import { duplicateDescriptor } from '../../src/listener/duplicate-descriptor.ts'
import { PROGRAM } from './program.ts'

const CERTIFICATES = join(import.meta.dir, '../listener/certificates')

/** As systemd passes two sockets with one name, and one with another. */
const passed = new PassedSockets({
  LISTEN_FDS: '3',
  LISTEN_PID: String(process.pid),
  LISTEN_FDNAMES: 'web:web:local',
})

/** What is listened on, as the command line and a file say. */
function listenersOf(file: unknown, flags = {}, sockets = passed): unknown {
  using folder = new TempFolder()
  const path = folder.file('balancer.json')
  writeFileSync(path, JSON.stringify({ to: '127.0.0.1:9', ...(file as object) }))
  try {
    return new ConfigSource(path, flags, sockets).load().listen
  } catch (error) {
    if (!(error instanceof BalancerError)) throw error
    return error.message.replaceAll(path, 'balancer.json')
  }
}

test('passed sockets are listened on where neither the file nor a flag gives an address', () => {
  expect(listenersOf({})).toEqual(['fd:3', 'fd:4', 'fd:5'])
  expect(listenersOf({ listen: ':8080' })).toBe(':8080')
  expect(listenersOf({}, { listen: [':8080'] })).toEqual([':8080'])
  expect(listenersOf({}, {}, new PassedSockets({ LISTEN_FDS: '1', LISTEN_PID: '1' }))).toBeUndefined()
})

test('an address fd:NAME is every socket of that name, with the options of the listener', () => {
  const tls = { cert: 'c.pem', key: 'k.pem' }
  expect(listenersOf({ listen: 'fd:local' })).toEqual(['fd:5'])
  expect(listenersOf({ listen: ['fd:local', ':80', { address: 'fd:web', tls }] })).toEqual([
    'fd:5',
    ':80',
    { address: 'fd:3', tls },
    { address: 'fd:4', tls },
  ])
  expect(listenersOf({}, { listen: ['fd:web'] })).toEqual(['fd:3', 'fd:4'])
})

test('a name that no socket has is refused, with its place and with the names there are', () => {
  expect(listenersOf({ listen: [':80', { address: 'fd:wbe' }] })).toMatch(
    /balancer\.json:1:\d+: listen\[1\]\.address: no socket from systemd has the name of fd:wbe; it passes web \(fd:3\), web \(fd:4\), local \(fd:5\)/,
  )
  expect(listenersOf({ listen: 'fd:web' }, {}, new PassedSockets({}))).toContain('it passes none')
  expect(listenersOf({ listen: [7, null] })).toContain('listen[0]: expected an object, got 7')
})

test('check takes any name, because it gets no sockets', async () => {
  using folder = new TempFolder()
  writeFileSync(folder.file('b.json'), JSON.stringify({ listen: 'fd:web', to: '127.0.0.1:9' }))
  let said = ''
  const io = {
    env: {},
    out: (text: string) => void (said += text),
    err: (text: string) => void (said += text),
    onSignal: () => ({ [Symbol.dispose]() {} }),
  }
  expect(await runBalancer(['check', folder.file('b.json')], io)).toBe(0)
  expect(said).toBe(`${folder.file('b.json')} is valid\n`)
})

/** A socket that listens and is accepted from by no process yet, as systemd keeps it. */
async function listening(path?: string): Promise<{ fd: number; port: number } & Disposable> {
  const server = net.createServer()
  // The path is removed with the server: the socket that stays has another name.
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(`${path}.made`, resolve),
  )
  const { port } = path === undefined ? (server.address() as net.AddressInfo) : { port: 0 }
  const fd = duplicateDescriptor((server as unknown as { _handle: { fd: number } })._handle.fd)!
  if (path !== undefined) renameSync(`${path}.made`, path)
  server.close()
  return { fd, port, [Symbol.dispose]: () => closeSync(fd) }
}

test('requests wait in sockets of systemd until the program serves them, each socket in its protocol', async () => {
  using folder = new TempFolder()
  await using backend = new TestBackend(folder.file('backend.sock'), () => new Response('ok'))
  using secure = await listening()
  using local = await listening(folder.file('local.sock'))
  const tls = { cert: join(CERTIFICATES, 'first.crt'), key: join(CERTIFICATES, 'first.key') }
  const config = { listen: [{ address: 'fd:https', tls }, 'fd:local'], to: backend.address }
  writeFileSync(folder.file('b.json'), JSON.stringify(config))
  const answers = [
    fetch(`https://127.0.0.1:${secure.port}`, { tls: { rejectUnauthorized: false } }),
    fetch('http://local/', { unix: folder.file('local.sock') }),
  ].map(async (answer) => (await answer).text())
  const program = Bun.spawn(
    ['/bin/sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh', PROGRAM, '--config', folder.file('b.json')],
    {
      env: { ...process.env, LISTEN_FDS: '2', LISTEN_FDNAMES: 'https:local' },
      stdio: ['ignore', 'ignore', 'inherit', secure.fd, local.fd],
    },
  )
  expect(await Promise.all(answers)).toEqual(['ok', 'ok'])
  program.kill()
  expect(await program.exited).toBe(0)
  expect(existsSync(folder.file('local.sock'))).toBe(true)
})
