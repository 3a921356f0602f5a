import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { constants, networkInterfaces } from 'node:os'
import { failureOf, until } from '@rip/testing'
import {
  activatedListenSockets,
  admit,
  formatListenAddress,
  type ListenAddress,
  type ListenSocket,
  openListenSocket,
} from '../../src/socket/listen-socket.ts'
import { AF_INET6, inetAddress, parseAddress } from '../../src/socket/socket-address.ts'
import { type Libc, openLibc, SystemCallError } from '../../src/system/libc.ts'
import { temporaryFolder } from '../real.ts'
import { isListening } from '../../src/socket/listening.ts'

async function opened(address: ListenAddress): Promise<ListenSocket> {
  const socket = await openListenSocket(address)
  if (socket === undefined) throw new Error('this system cannot open listening sockets')
  return socket
}

/** Answers connections with its own pid, on descriptor 3. */
const answering = `Bun.listen({ fd: 3, socket: { data(socket) { socket.end(String(process.pid)) } } })
  process.stdin.on('end', () => process.exit()).resume()`

function startAnswering(fd: number): Bun.Subprocess<'pipe', 'ignore', 'inherit'> {
  return Bun.spawn([process.execPath, '-e', answering], { stdio: ['pipe', 'ignore', 'inherit', fd] })
}

async function ask(address: ListenAddress): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket: Bun.SocketHandler = {
    open: (connection) => void connection.write('who?'),
    data: (_, bytes) => resolve(bytes.toString()),
    close: () => reject(new Error('closed without an answer')),
  }
  await ('unix' in address
    ? Bun.connect({ unix: address.unix, socket })
    : Bun.connect({ hostname: address.host, port: address.port, socket }))
  return promise
}

test.each<ListenAddress>([
  { host: '127.0.0.1', port: 0 },
  { host: 'localhost', port: 0 },
  { host: '0.0.0.0', port: 0 },
])('listens on %p and hands the socket to a child', async (address) => {
  await using socket = await opened(address)
  expect(socket.address).toHaveProperty('port', expect.any(Number))
  const child = startAnswering(socket.fd)
  expect(await ask(socket.address)).toBe(String(child.pid))
  void child.stdin.end()
  await child.exited
})

const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === '::1'))

test.skipIf(!hasIPv6)(
  'listens on IPv6, and on all addresses of both families with :: (needs an IPv6 loopback)',
  async () => {
    await using loopback = await opened({ host: '::1', port: 0 })
    expect(loopback.address).toMatchObject({ host: '::1' })
    await using any = await opened({ host: '::', port: 0 })
    const child = startAnswering(any.fd)
    const { port } = any.address as { port: number }
    expect(await ask({ host: '127.0.0.1', port })).toBe(String(child.pid))
    expect(await ask({ host: '::1', port })).toBe(String(child.pid))
    void child.stdin.end()
    await child.exited
  },
)

test.each([
  ['EAFNOSUPPORT', constants.errno.EAFNOSUPPORT],
  ['EADDRNOTAVAIL', constants.errno.EADDRNOTAVAIL],
])('all addresses are those of IPv4 where there is no IPv6, as %s tells', async (_, errno) => {
  const real = openLibc()
  if (real === undefined) throw new Error('this system cannot open listening sockets')
  const libc: Libc = {
    ...real,
    socket(family, type) {
      if (family === AF_INET6) throw new SystemCallError('socket', errno)
      return real.socket(family, type)
    },
  }
  await using socket = await openListenSocket({ host: '::', port: 0 }, { libc })
  expect(socket?.address).toMatchObject({ host: '0.0.0.0' })
  expect(await failureOf(openListenSocket({ host: '::1', port: 0 }, { libc }))).toMatchObject({
    code: 'LISTEN_FAILED',
  })
})

test('connections wait while no process serves, and none is lost when the child is replaced', async () => {
  await using socket = await opened({ host: '127.0.0.1', port: 0 })
  const early = ask(socket.address)
  const first = startAnswering(socket.fd)
  expect(await early).toBe(String(first.pid))
  first.kill('SIGKILL')
  await first.exited
  const between = Promise.all([ask(socket.address), ask(socket.address)])
  const second = startAnswering(socket.fd)
  expect(await between).toEqual([String(second.pid), String(second.pid)])
  void second.stdin.end()
  await second.exited
})

test('other children do not inherit it', async () => {
  await using socket = await opened({ host: '127.0.0.1', port: 0 })
  const name = readlinkSync(`/proc/self/fd/${socket.fd}`)
  const child = Bun.spawn(['sh', '-c', 'ls -l /proc/self/fd'], { stdio: ['ignore', 'pipe', 'inherit'] })
  expect(await new Response(child.stdout).text()).not.toContain(name)
})

test('closing gives the address free', async () => {
  const first = await opened({ host: '127.0.0.1', port: 0 })
  await first.close()
  expect(first.close()).toBe(first.close())
  await using again = await opened(first.address)
  expect(again.address).toEqual(first.address)
})

test('a port in use is reported with its owner', async () => {
  await using first = await opened({ host: '127.0.0.1', port: 0 })
  const { port } = first.address as { port: number }
  const failure = await failureOf(openListenSocket(first.address))
  expect(failure).toMatchObject({ code: 'PORT_IN_USE' })
  expect(String(failure)).toContain(`127.0.0.1:${port} is in use by`)
  expect(String(failure)).toContain(`(process ${process.pid})`)
})

test('an unknown host is reported by name', async () => {
  expect(await failureOf(openListenSocket({ host: 'no-such-host.invalid', port: 0 }))).toMatchObject({
    code: 'LISTEN_FAILED',
    message: expect.stringContaining('no-such-host.invalid'),
  })
})

test('a foreign address is reported with the reason', async () => {
  expect(await failureOf(openListenSocket({ host: '192.0.2.1', port: 0 }))).toMatchObject({
    code: 'LISTEN_FAILED',
    message: expect.stringContaining('EADDRNOTAVAIL'),
  })
})

test('a failed attempt leaves no descriptor behind', async () => {
  await using first = await opened({ host: '127.0.0.1', port: 0 })
  await failureOf(openListenSocket(first.address))
  const before = readdirSync('/proc/self/fd').length
  for (let count = 0; count < 5; count += 1) await failureOf(openListenSocket(first.address))
  expect(readdirSync('/proc/self/fd').length).toBe(before)
})

test('a Unix socket is listened on, handed down and removed', async () => {
  await using folder = await temporaryFolder()
  const socket = await opened({ unix: folder.at('app.sock') })
  expect(socket.address).toEqual({ unix: folder.at('app.sock') })
  const child = startAnswering(socket.fd)
  expect(await ask(socket.address)).toBe(String(child.pid))
  void child.stdin.end()
  await child.exited
  await socket.close()
  expect(existsSync(folder.at('app.sock'))).toBe(false)
})

test('the path of a dead predecessor is taken over, that of a running one is not', async () => {
  await using folder = await temporaryFolder()
  const unix = folder.at('app.sock')
  const holder = Bun.spawn(
    [process.execPath, '-e', `Bun.listen({ unix: ${JSON.stringify(unix)}, socket: { data() {} } })`],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  // The path exists from bind(2) on, which comes before listen(2).
  await until('the predecessor to listen', () => isListening(unix))
  expect(await failureOf(openListenSocket({ unix }))).toMatchObject({ code: 'PORT_IN_USE' })
  holder.kill('SIGKILL')
  await holder.exited
  expect(existsSync(unix)).toBe(true)
  await using socket = await opened({ unix })
  expect(socket.fd).toBeGreaterThan(2)
})

test('a file that is no socket is not removed', async () => {
  await using folder = await temporaryFolder()
  writeFileSync(folder.at('precious'), 'data')
  expect(await failureOf(openListenSocket({ unix: folder.at('precious') }))).toMatchObject({
    code: 'PORT_IN_USE',
  })
  expect(existsSync(folder.at('precious'))).toBe(true)
})

test('closing leaves alone a path that another process has bound since', async () => {
  await using folder = await temporaryFolder()
  const unix = folder.at('app.sock')
  const first = await opened({ unix })
  const { rmSync } = await import('node:fs')
  rmSync(unix)
  await using second = await opened({ unix })
  await first.close()
  expect(existsSync(unix)).toBe(true)
  await second.close()
})

test('a path longer than the system allows is refused before anything is bound', async () => {
  await using folder = await temporaryFolder()
  expect(await failureOf(openListenSocket({ unix: folder.at('x'.repeat(120)) }))).toMatchObject({
    code: 'SOCKET_PATH_TOO_LONG',
    message: expect.stringMatching(/x has 1\d\d bytes, the system allows 103; choose a shorter one$/),
  })
})

test('an inherited socket can be adopted', async () => {
  await using socket = await opened({ host: '127.0.0.1', port: 0 })
  const source = JSON.stringify(new URL('../../src/socket/listen-socket.ts', import.meta.url).pathname)
  const code = `import { adoptListenSocket } from ${source}; console.log(JSON.stringify(adoptListenSocket(3)))`
  const child = Bun.spawn([process.execPath, '-e', code], { stdio: ['ignore', 'pipe', 'inherit', socket.fd] })
  expect(await new Response(child.stdout).json()).toEqual({ fd: 3, address: socket.address })
})

/** What a process says of the sockets that it gets as systemd passes them. */
async function activated(sockets: readonly number[], names?: string): Promise<unknown> {
  const source = JSON.stringify(new URL('../../src/socket/listen-socket.ts', import.meta.url).pathname)
  const code = `const { activatedListenSockets } = await import(${source})
    try {
      const passed = activatedListenSockets()
      console.log(JSON.stringify(passed.map(({ name, socket }) => ({ name, address: socket.address }))))
      for (const { socket } of passed) await socket.close()
    } catch ({ code, message }) { console.log(JSON.stringify({ code, message })) }`
  const command = `LISTEN_FDS=${sockets.length} LISTEN_PID=$$ exec ${process.execPath} -e '${code}'`
  const child = Bun.spawn(['sh', '-c', command], {
    stdio: ['ignore', 'pipe', 'inherit', ...sockets],
    env: { ...process.env, ...(names !== undefined && { LISTEN_FDNAMES: names }) },
  })
  const said = await new Response(child.stdout).json()
  await child.exited
  return said
}

test('all sockets of an activated service are taken over with their names, paths left to systemd', async () => {
  await using folder = await temporaryFolder()
  await using local = await opened({ unix: folder.at('activated.sock') })
  await using web = await opened({ host: '127.0.0.1', port: 0 })
  const addresses = [local.address, web.address]
  expect(await activated([local.fd, web.fd], 'local:web')).toEqual([
    { name: 'local', address: addresses[0] },
    { name: 'web', address: addresses[1] },
  ])
  expect(await activated([local.fd])).toEqual([{ name: 'unknown', address: addresses[0] }])
  expect(existsSync(folder.at('activated.sock'))).toBe(true)
})

test('a connection, as Accept=yes passes it, is refused with what the unit needs', async () => {
  await using web = await opened({ host: '127.0.0.1', port: 0 })
  const { port } = web.address as { port: number }
  const connection = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } })
  const { fd } = connection as unknown as { fd: number }
  expect(await activated([web.fd, fd], 'web:one')).toEqual({
    code: 'LISTEN_FAILED',
    message:
      'cannot listen on descriptor 4 from systemd ("one"): it is not listening for connections; the unit needs ' +
      'ListenStream=, and no Accept=yes',
  })
  connection.terminate()
})

test.each([
  {},
  { LISTEN_FDS: '1' },
  { LISTEN_FDS: '1', LISTEN_PID: '1' },
  { LISTEN_FDS: '0', LISTEN_PID: String(process.pid) },
])('what is passed to nobody or to somebody else is left alone: %j', (env) => {
  expect(activatedListenSockets(env)).toEqual([])
})

test.each(['::1', '::', '2001:db8::8:800:200c:417a', '::ffff:192.0.2.33', 'fe80::1', '127.0.0.1', '0.0.0.0'])(
  'the raw address of %s reads back',
  (host) => {
    const expected = host === '::ffff:192.0.2.33' ? '::ffff:c000:221' : host
    expect(parseAddress(inetAddress(host, 65_534))).toEqual({ host: expected, port: 65_534 })
  },
)

test.each(['1000000000', '1e3', 'x', '-1', '0.5'])(
  'LISTEN_FDS=%s ends at the first that is no socket',
  (fds) => {
    const env = { LISTEN_FDS: fds, LISTEN_PID: String(process.pid) }
    const sockets = (): unknown => activatedListenSockets(env)
    // Descriptor 3 of this process is one of the runtime's own.
    if (Number(fds) >= 1) expect(sockets).toThrow('it is not listening for connections')
    else expect(sockets()).toEqual([])
  },
)

describe('permission to connect to a Unix socket', () => {
  const modeOf = (path: string): number => statSync(path).mode & 0o777

  test('is for every user who may enter its folder, with any umask', async () => {
    await using folder = await temporaryFolder()
    const before = process.umask(0o077)
    try {
      await using socket = await opened({ unix: `${folder.path}/app.sock` })
      expect(modeOf(`${folder.path}/app.sock`)).toBe(0o666)
      expect(socket.address).toEqual({ unix: `${folder.path}/app.sock` })
    } finally {
      process.umask(before)
    }
  })

  test('is for the users of its mode and its group', async () => {
    await using folder = await temporaryFolder()
    const unix = `${folder.path}/app.sock`
    const gid = process.getgid?.() ?? 0
    await using _socket = await opened({ unix, mode: 0o640, gid })
    expect([modeOf(unix), statSync(unix).gid]).toEqual([0o640, gid])
    admit({ unix, mode: 0o600 })
    expect(modeOf(unix)).toBe(0o600)
  })

  test('that cannot be set is an error, and no socket is left', async () => {
    await using folder = await temporaryFolder()
    const unix = `${folder.path}/app.sock`
    // No system has a group of that number.
    const failure = await failureOf(openListenSocket({ unix, mode: 0o660, gid: -2 }))
    expect(failure).toMatchObject({ code: 'LISTEN_FAILED' })
    expect(String(failure)).toContain('who may connect to it cannot be set')
    expect(existsSync(unix)).toBe(false)
  })

  test('has the same notation when it is shown', () => {
    expect(formatListenAddress({ unix: '/a.sock', mode: 0o660, gid: 7 })).toBe(
      'unix:/a.sock?mode=0660&group=7',
    )
    expect(formatListenAddress({ unix: '/a.sock' })).toBe('unix:/a.sock')
  })
})

/** Opens connections until some were refused; says when the first was answered, and in the end how all ended. */
const connecting = `
  const target = JSON.parse(process.argv[1])
  const outcomes = {}
  const note = (outcome) => {
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    if (outcome === 'answered' && outcomes.answered === 1) console.log('one is answered')
  }
  const gone = ['ECONNREFUSED', 'ENOENT']
  while ((outcomes.refused ?? 0) < 50) {
    const socket = require('node:net').connect('unix' in target ? { path: target.unix } : target)
    let answered = false
    socket.on('connect', () => socket.write('who?'))
    socket.on('data', () => (answered = true))
    socket.on('error', ({ code }) => note(gone.includes(code) ? 'refused' : code))
    socket.on('close', (failed) => failed || note(answered ? 'answered' : 'cut off'))
    await Bun.sleep(2)
  }
  process.on('exit', () => console.log(JSON.stringify(outcomes)))`

describe('a socket that turns away', () => {
  const accepts = `const blockFor = (ms) => { const end = performance.now() + ms; while (performance.now() < end); }
    const listener = Bun.listen({ fd: 3, socket: { open() {}, data(socket) { socket.end('here') } } })
    setInterval(() => blockFor(30), 40)
    process.stdin.on('data', () => { listener.stop(); console.log('stopped') }).on('end', () => process.exit())`

  test.each(['127.0.0.1', 'unix', ...(hasIPv6 ? ['::1'] : [])])(
    'at %s refuses what comes, and has what had come accepted before it closes',
    async (host) => {
      await using folder = await temporaryFolder()
      const address = host === 'unix' ? { unix: folder.at('s.sock') } : { host, port: 0 }
      const socket = await opened(address)
      await using child = Bun.spawn([process.execPath, '-e', accepts], {
        stdio: ['pipe', 'pipe', 'inherit', socket.fd],
      })
      await using clients = Bun.spawn([process.execPath, '-e', connecting, JSON.stringify(socket.address)], {
        stdout: 'pipe',
      })
      const said = clients.stdout.values()
      expect(Buffer.from((await said.next()).value!).toString()).toBe('one is answered\n')
      await socket.turnAway()
      void child.stdin.write('stop')
      expect((await child.stdout.getReader().read()).value).toBeDefined()
      await socket.close()
      const outcomes = JSON.parse(Buffer.from((await said.next()).value!).toString()) as object
      expect(Object.keys(outcomes).toSorted()).toEqual(['answered', 'refused'])
      expect('unix' in address && existsSync(address.unix)).toBe(false)
    },
  )

  test('does not when other processes go on accepting from it', async () => {
    await using socket = await opened({ host: '127.0.0.1', port: 0 })
    await using child = startAnswering(socket.fd)
    socket.disown()
    await socket.turnAway()
    expect(await ask(socket.address)).toBe(String(child.pid))
    void child.stdin.end()
  })
})
