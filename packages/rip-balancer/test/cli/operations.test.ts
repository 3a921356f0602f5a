import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { until } from '@rip/testing'
import { runBalancer } from '../../src/cli/run-balancer.ts'
import { TempFolder, TestBackend, named } from '../servers.ts'
import { Program } from './program.ts'

// Programs take long to start on a busy machine.
setDefaultTimeout(20_000)

const LISTEN = ['--listen', '127.0.0.1:0']
const USER = Bun.spawnSync(['id', '-un']).stdout.toString().trim()

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs the program to its end. */
async function run(...args: string[]): Promise<Ended> {
  await using program = new Program(...args)
  const code = await program.exit()
  return { code, out: program.out, err: program.err }
}

/** A balancer in front of `a` and `b`, with an admin socket. */
async function start(folder: TempFolder, ...more: string[]): Promise<{ program: Program; admin: string[] }> {
  const admin = ['--admin', `unix:${folder.file('admin.sock')}`]
  const to = ['a', 'b'].flatMap((name) => ['--to', `unix:${folder.file(`${name}.sock`)}`])
  const program = new Program(...LISTEN, ...to, ...admin, ...more)
  await program.url()
  return { program, admin }
}

const get = async (url: string, headers: Record<string, string> = {}): Promise<string> =>
  (await fetch(url, { headers: { connection: 'close', ...headers } })).text()

test('rip-balancer requests names the slow route of a balancer that writes no access log', async () => {
  using folder = new TempFolder()
  await using a = new TestBackend(folder.file('a.sock'), async (request) => {
    if (request.url.includes('/report')) await Bun.sleep(300)
    return new Response('ok')
  })
  const admin = ['--admin', `unix:${folder.file('admin.sock')}`]
  await using program = new Program(...LISTEN, '--to', a.address, ...admin, '--processes', '2')
  for (const path of ['/report/7?token=secret', '/orders/1', '/orders/2'])
    await get((await program.url()) + path)
  const { code, out } = await run('requests', ...admin)
  expect(code).toBe(0)
  expect(out).toMatch(/^GET \/report\/:n +1 +0 .*\nGET \/orders\/:n +2 +0 /m)
  expect(out).not.toContain('secret')
  const json = JSON.parse((await run('requests', '--json', ...admin)).out) as object
  expect(json).toMatchObject({ inFlightCount: 0, generations: [{ generation: null }] })
})

describe('rip-balancer status', () => {
  test('shows the backends in a table, and for programs as JSON', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using b = named(folder, 'b')
    const { program, admin } = await start(folder)
    await using _program = program
    for (let n = 0; n < 4; n++) await get(await program.url())
    const { code, out, err } = await run('status', ...admin)
    expect([code, err]).toEqual([0, ''])
    const lines = out.trimEnd().split('\n')
    expect(lines[0]).toBe(`listening ${await program.url()}`)
    expect(lines[1]).toMatch(
      /^up \d+ m?s.*, 1 process, \d+ connections?, 4 requests, 0 in flight, 0 server errors$/,
    )
    expect(lines.slice(3)).toEqual([
      'pool app, 0 queued, 0 ejections',
      expect.stringMatching(
        /^BACKEND +STATE +IN FLIGHT +TUNNELS +STREAMS +HTTP\/2 +REQUESTS +FAILURES +WEIGHT +WHY$/,
      ),
      expect.stringMatching(new RegExp(`^${a.address} +serving +0/100 +0 +0 +- +2 +0 +1$`)),
      expect.stringMatching(new RegExp(`^${b.address} +serving +0/100 +0 +0 +- +2 +0 +1$`)),
    ])
    const json = await run('status', '--json', ...admin)
    expect(JSON.parse(json.out)).toMatchObject({ requests: 4, pools: [{ backends: [{ reason: null }, {}] }] })
  })

  test('says that no balancer answers when it was killed', async () => {
    using folder = new TempFolder()
    const { program, admin } = await start(folder)
    await using _program = program
    program.child.kill('SIGKILL')
    await program.child.exited
    const { code, err } = await run('status', ...admin)
    expect(code).toBe(7)
    expect(err).toContain(`does not answer on unix:${folder.file('admin.sock')}: no process listens there`)
  })

  test('finds the balancer by its configuration file, even if the rest of the file has become invalid', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const file = folder.file('balancer.json')
    const admin = `unix:${folder.file('admin.sock')}`
    writeFileSync(file, JSON.stringify({ listen: '127.0.0.1:0', to: a.address, admin, pool: 'shop' }))
    await using program = new Program('--config', file)
    await program.url()
    writeFileSync(file, JSON.stringify({ listen: 'nonsense', admin }))
    expect((await run('status', '--config', file)).out).toContain('pool shop,')
    expect((await run('drain', a.address, '--config', file)).code).toBe(0)
  })
})

describe('rip-balancer drain and undrain', () => {
  test('let requests under way finish, and name the user who ran them', async () => {
    using folder = new TempFolder()
    const gate = Promise.withResolvers<void>()
    await using a = new TestBackend(folder.file('a.sock'), async () => {
      await gate.promise
      return new Response('late')
    })
    await using _b = named(folder, 'b')
    const { program, admin } = await start(folder)
    await using _program = program
    const url = await program.url()
    const under = get(url)
    await until('the request reached the backend', () => a.requests === 1)

    const drained = await run('drain', a.address, ...admin)
    expect(drained).toEqual({
      code: 0,
      out: `${a.address} takes nothing new; 1 request or tunnel under way there\n`,
      err: '',
    })
    for (let n = 0; n < 4; n++) expect(await get(url)).toBe('b')
    expect((await run('status', ...admin)).out).toContain(`drained by ${USER}`)
    expect((await run('drain', a.address, '--wait', '10ms', ...admin)).code).toBe(1)

    const shown: string[] = []
    const noted: string[] = []
    const waiting = runBalancer(['drain', a.address, '--wait', '10s', ...admin], {
      env: {},
      out: (text) => void noted.push(text),
      err: (text) => void noted.push(text),
      onSignal: () => ({ [Symbol.dispose]() {} }),
      busy: (text) => {
        shown.push(text)
        return { [Symbol.dispose]: () => void shown.push('gone') }
      },
    })
    await until('it says what is waited for', () => shown.length > 0)
    gate.resolve()
    expect(await under).toBe('late')
    expect(await waiting).toBe(0)
    expect(noted).toEqual([`${a.address} takes nothing new; nothing is under way there\n`])
    expect(shown).toEqual([`${a.address} takes nothing new; 1 request or tunnel under way there`, 'gone'])
    const waited = await run('drain', a.address, '--wait', '10s', '--json', ...admin)
    expect([waited.code, JSON.parse(waited.out)]).toEqual([
      0,
      { backend: a.address, drained: true, inFlight: 0 },
    ])

    expect((await run('undrain', a.address, ...admin)).out).toBe(`${a.address} takes requests again\n`)
    expect([await get(url), await get(url)]).toContain('late')
    expect(a.requests).toBe(2)
    expect(program.err).toBe(
      `backend ${a.address} was drained by ${USER}: it takes nothing new, 1 request or tunnel under way\n` +
        `backend ${a.address} is drained: nothing is under way there\n` +
        `backend ${a.address} was undrained by ${USER}: it takes requests again\n`,
    )
  })

  test('let a WebSocket stay open, and wait for its end', async () => {
    using folder = new TempFolder()
    using backend = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: (request, server) => (server.upgrade(request) ? undefined : new Response('no upgrade')),
      websocket: { message: (socket, text) => void socket.send(`echo ${String(text)}`) },
    })
    const [to, admin] = [`127.0.0.1:${backend.port}`, ['--admin', `unix:${folder.file('admin.sock')}`]]
    await using program = new Program(...LISTEN, '--to', to, ...admin)
    const socket = new WebSocket((await program.url()).replace('http', 'ws'))
    await new Promise((resolve) => (socket.onopen = resolve))
    expect((await run('drain', to, ...admin)).out).toContain('1 request or tunnel under way there')
    const echo = new Promise<string>((resolve) => (socket.onmessage = ({ data }) => resolve(String(data))))
    socket.send('still here')
    expect(await echo).toBe('echo still here')
    const waiting = run('drain', to, '--wait', '15s', ...admin)
    socket.close()
    expect(await waiting).toMatchObject({
      code: 0,
      out: `${to} takes nothing new; nothing is under way there\n`,
    })
  })

  test('suggest the backend that was probably meant', async () => {
    using folder = new TempFolder()
    const { program, admin } = await start(folder)
    await using _program = program
    const { code, err } = await run('drain', `unix:${folder.file('aa.sock')}`, ...admin)
    expect(code).toBe(1)
    expect(err).toContain(
      `has no backend unix:${folder.file('aa.sock')}; did you mean unix:${folder.file('a.sock')}?`,
    )
  })

  test('move clients with a cookie of a sticky policy to another backend', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using _b = named(folder, 'b')
    const { program, admin } = await start(folder, '--policy', 'sticky')
    await using _program = program
    const url = await program.url()
    const first = await fetch(url)
    expect(await first.text()).toBe('a')
    const cookie = first.headers.get('set-cookie')!.split(';')[0]!
    await run('drain', a.address, ...admin)
    const moved = await fetch(url, { headers: { cookie } })
    expect(await moved.text()).toBe('b')
    const other = moved.headers.get('set-cookie')!.split(';')[0]!
    await run('undrain', a.address, ...admin)
    // A client that was moved stays there.
    for (let n = 0; n < 3; n++) expect(await get(url, { cookie: other })).toBe('b')
  })

  test('survive a reload in which the backend is declared again', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using b = named(folder, 'b')
    const file = folder.file('balancer.json')
    const admin = `unix:${folder.file('admin.sock')}`
    const write = (to: readonly unknown[]): void =>
      writeFileSync(file, JSON.stringify({ listen: '127.0.0.1:0', to, admin }))
    const both = [
      { id: 'a', address: a.address },
      { id: 'b', address: b.address },
    ]
    write(both)
    await using program = new Program('--config', file)
    const url = await program.url()
    const reload = async (to: readonly unknown[]): Promise<void> => {
      const told = program.err.length
      write(to)
      program.child.kill('SIGHUP')
      await until('the reload', () => program.err.slice(told).includes('configuration reloaded'))
    }
    await run('drain', 'a', '--config', file)
    await reload(both.slice(1))
    await reload(both)
    for (let n = 0; n < 4; n++) expect(await get(url)).toBe('b')
    expect(a.requests).toBe(0)
  })

  test('apply to all processes, and to those that are started later', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    await using b = named(folder, 'b')
    const { program, admin } = await start(folder, '--processes', '2')
    await using _program = program
    const url = await program.url()
    expect((await run('drain', a.address, ...admin)).code).toBe(0)
    const { processes } = JSON.parse((await run('status', '--json', ...admin)).out) as { processes: number[] }
    for (const victim of processes) {
      process.kill(victim, 'SIGKILL')
      await until('its end is known', () => program.err.includes(`balancer process ${victim} ended`))
    }
    const answered = async (): Promise<boolean> => (await fetch(url).catch(() => undefined))?.ok ?? false
    for (let n = 0; n < 20; n++) await until('somebody answers', answered)
    expect([a.requests, b.requests]).toEqual([0, 20])
    await run('undrain', a.address, ...admin)
    await until('it takes requests again', async () => (await get(url)) === 'a')
  })
})

describe('rip-balancer check', () => {
  test('prints every mistake with its place', async () => {
    using folder = new TempFolder()
    const file = folder.file('balancer.json')
    writeFileSync(
      file,
      [
        '{',
        '  // two of them',
        '  "to": ["127.0.0.1:3000", { "adress": "127.0.0.1:3001" },],',
        '  "policy": "round-robbin", /* one after the other */',
        '  "timeouts": {',
        '    "header": "10",',
        '  },',
        '}',
      ].join('\n'),
    )
    const { code, out, err } = await run('check', file)
    expect([code, out]).toEqual([5, ''])
    expect(err).toBe(
      [
        `${file}:3:30: to[1].adress: unknown key; did you mean address?`,
        `${file}:3:28: to[1].address: expected host:port, https://host:port, h2c://host:port or unix:PATH, got nothing`,
        `${file}:4:13: policy: expected one of round-robin, least-requests, p2c, weighted, hash, sticky, learn, got "round-robbin"; did you mean round-robin?`,
        `${file}:6:15: timeouts.header: expected milliseconds or a duration such as 250ms, 10s or 5m, got "10"; did you mean 10s?`,
        '',
      ].join('\n'),
    )
  })

  test('accepts comments and commas at the end, as the program does', async () => {
    using folder = new TempFolder()
    await using a = named(folder, 'a')
    const file = folder.file('balancer.jsonc')
    writeFileSync(file, `{ "listen": "127.0.0.1:0", // any\n "to": [ "${a.address}", ], }\n`)
    expect(await run('check', file)).toEqual({ code: 0, out: `${file} is valid\n`, err: '' })
    await using program = new Program('--config', file)
    expect(await get(await program.url())).toBe('a')
  })

  test('checks the TLS options of backends', async () => {
    using folder = new TempFolder()
    const file = folder.file('balancer.json')
    const to = ['https://a', { address: 'https://b', tls: { ca: '/nowhere/b.pem' } }]
    writeFileSync(file, JSON.stringify({ to, backendTls: { cert: '/nowhere/a.pem' } }))
    const { code, err } = await run('check', file)
    expect(code).toBe(5)
    expect(err).toContain('backendTls: cert and key go together')
    expect(err).toContain('to[1].tls: ')
  })

  test('checks the certificates', async () => {
    using folder = new TempFolder()
    const file = folder.file('balancer.json')
    const tls = { cert: folder.file('missing.pem'), key: folder.file('missing.key') }
    writeFileSync(file, JSON.stringify({ listen: { address: ':443', tls }, to: '127.0.0.1:3000' }))
    const { code, out } = await run('check', file, '--json')
    expect(code).toBe(5)
    expect(JSON.parse(out)).toEqual({
      file,
      valid: false,
      problems: [expect.stringContaining(`no such file or directory, open '${tls.cert}'`)],
    })
  })
})

describe('the program', () => {
  for (const [args, code, message] of [
    [['status'], 2, 'which balancer? --admin unix:PATH or --config FILE'],
    [['status', '--admin', '127.0.0.1:80'], 2, 'the admin socket must be unix:PATH, but is 127.0.0.1:80'],
    [
      ['status', '--admin', 'unix:/nowhere.sock'],
      7,
      'the balancer does not answer on unix:/nowhere.sock: there is no such socket',
    ],
    [['status', '--admn', 'x'], 2, 'status has no --admn; did you mean --admin?'],
    [['drain', '--admin', 'unix:/nowhere.sock'], 2, 'drain needs ID'],
    [['drain', 'a', 'b', '--admin', 'unix:/nowhere.sock'], 2, 'drain does not know what to do with b'],
    [['drain', 'a', '--wait', '30'], 2, '--wait needs a duration such as 30s, got "30"'],
    [['undrain', 'a', '--wait', '30s'], 2, 'undrain has no --wait'],
    [['check'], 2, 'check needs CONFIG'],
    [['check', '/nowhere.json'], 5, '/nowhere.json: '],
    [['staus'], 2, 'unknown command staus; did you mean status?'],
    [[...LISTEN], 5, 'to: there are no backends; name one (--to ADDRESS), or an admin socket'],
  ] as const) {
    test(`${args.join(' ')} ends with ${code} and says why`, async () => {
      const ended = await run(...args)
      expect(ended.code).toBe(code)
      expect(ended.err).toContain(message)
      expect(ended.out).toBe('')
    })
  }

  test('logs why a backend takes nothing, and why it takes requests again', async () => {
    using folder = new TempFolder()
    const answers = { status: 500 }
    await using a = new TestBackend(folder.file('a.sock'), () => new Response('a', answers))
    const file = folder.file('balancer.json')
    const health = { path: '/up', interval: '20ms', timeout: '10s', rise: 2, fall: 2 }
    writeFileSync(file, JSON.stringify({ listen: '127.0.0.1:0', to: a.address, health }))
    await using program = new Program('--config', file)
    await program.url()
    await until('it is told', () => program.err.includes('\n'))
    expect(program.err).toBe(`backend ${a.address} takes nothing new: health check failed: status 500\n`)
    answers.status = 200
    const back = `backend ${a.address} takes requests again: it recovered, its health checks pass\n`
    await until('its recovery is told', () => program.err.endsWith(back))
  })

  test('logs when a backend is put aside, and when it comes back', async () => {
    using folder = new TempFolder()
    await using _b = named(folder, 'b')
    const { program } = await start(folder)
    await using _program = program
    const url = await program.url()
    expect(await get(url)).toBe('b')
    const address = `unix:${folder.file('a.sock')}`
    expect(program.err).toBe(`backend ${address} refuses connections; gets nothing until that has changed\n`)
    await using _a = named(folder, 'a')
    const back = `backend ${address} takes requests again: it accepts connections\n`
    await until('its return is told', () => program.err.endsWith(back))
  })
})
