import { describe, expect, test } from 'bun:test'
import { isAlive, until } from '@rip/testing'
import { http, RunningCommand } from './running-command.ts'

const DRAIN_MS = 10_000
/** The part of the drain that the worker leaves to the processes of the command. */
const SHORT_DRAIN_MS = 1_500

describe.each(['node', 'bun'])('the HTTP server of a command run by %s', (runtime) => {
  test('serves on the socket and nowhere else, and sees clients as the balancer tells them', async () => {
    const answer = `
      const { remoteAddress, remotePort, remoteFamily } = request.socket
      response.end([remoteAddress, remotePort, remoteFamily].join())`
    await using command = await RunningCommand.serving(
      { 'app.js': http('server.listen(process.env.PORT, () => console.log(process.env.PORT))', answer) },
      `${runtime} app.js`,
    )
    const client = { 'x-real-ip': '203.0.113.7', 'x-real-port': '4711' }
    expect(await command.text('/', client)).toBe('203.0.113.7,4711,IPv4')
    expect(await command.text('/', { 'x-real-ip': '2001:db8::1' })).toBe('2001:db8::1,0,IPv6')
    expect(await command.text()).toBe('127.0.0.1,0,IPv4')
    const port = await until('it has said its port', () => /\d+/.exec(command.supervised.program.stdout)?.[0])
    expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow()
  })

  test.each([
    ['a number', 'server.listen(+process.env.PORT)'],
    ['a host', `server.listen(process.env.PORT, '0.0.0.0')`],
    ['options', `server.listen({ port: +process.env.PORT, path: false, host: 'localhost' })`],
    ['a backlog and a callback', `server.listen(process.env.PORT, '127.0.0.1', 511, () => {})`],
  ])('may be told its port by %s', async (_, listening) => {
    await using command = await RunningCommand.serving({ 'app.js': http(listening) }, `${runtime} app.js`)
    expect(await command.text()).toBe('served')
    expect(command.stderr).toBe('')
  })

  test('is found on a port of its own choice, which is said', async () => {
    await using command = await RunningCommand.serving(
      { 'app.js': http('server.listen(3999)') },
      `${runtime} app.js`,
    )
    expect(await command.text()).toBe('served')
    const said = 'rip-server: serves the HTTP server that asked for port 3999 (PORT was not used)\n'
    await until('it is said', () => command.stderr === said)
  })

  test('says the address of the balancer', async () => {
    await using command = await RunningCommand.serving(
      {
        'app.js': http(
          `server.listen(process.env.PORT, '0.0.0.0')`,
          'response.end(JSON.stringify(server.address()))',
        ),
      },
      `${runtime} app.js`,
      { RIP_PUBLIC_URL: 'http://localhost:8123' },
    )
    expect(JSON.parse(await command.text())).toEqual({ address: '0.0.0.0', family: 'IPv4', port: 8123 })
  })

  test('is not a helper on a port that the system chooses', async () => {
    await using command = await RunningCommand.serving(
      {
        'app.js': http(`
          http.createServer((_, response) => response.end('helper')).listen(0, () => server.listen(process.env.PORT))`),
      },
      `${runtime} app.js`,
    )
    expect(await command.text()).toBe('served')
  })
})

test('a command that ends with its input serves on, as in a terminal in which nothing is typed', async () => {
  const listening = `
    process.stdin.on('data', () => process.exit(3)).on('end', () => process.exit(4))
    setTimeout(() => server.listen(process.env.PORT), 100)`
  await using command = await RunningCommand.serving({ 'app.js': http(listening) }, 'node app.js')
  expect(await command.text()).toBe('served')
})

describe('a command run by Bun', () => {
  test('counts requests to its routes, before and after they are exchanged', async () => {
    const answer = (text: string): string => `{
      port: process.env.PORT,
      routes: {
        '/function': () => new Response('${text}'),
        '/method': { GET: () => new Response('${text}') },
        '/static': new Response('${text}'),
        '/none': false,
      },
      fetch(request, server) {
        server.reload(exchanged)
        return new Response('fetched ${text}')
      },
    }`
    await using command = await RunningCommand.serving(
      { 'app.js': `const exchanged = ${answer('second')}\nBun.serve(${answer('first')})` },
      'bun app.js',
    )
    const texts: string[] = []
    for (const path of [
      '/function',
      '/method',
      '/static',
      '/none',
      '/function',
      '/method',
      '/static',
      '/none',
    ])
      texts.push(await command.text(path))
    const first = ['first', 'first', 'first', 'fetched first']
    expect(texts).toEqual([...first, 'second', 'second', 'second', 'fetched second'])
    // Bun answers with a `Response` that is itself a route without asking the application.
    await until('they are counted', () => command.supervised.message('beacon')?.requests === 6)
  })
})

describe('a command run by Node.js', () => {
  test('may listen on several addresses of one port', async () => {
    await using command = await RunningCommand.serving(
      {
        'app.js': http(`
          server.listen(process.env.PORT, '127.0.0.1', () => {
            const other = http.createServer((_, response) => response.end('other'))
            other.listen({ port: server.address().port, host: '::1' }, () => console.log('both'))
          })`),
      },
      'node app.js',
    )
    await until('both listen', () => command.supervised.program.stdout.includes('both'))
    expect(await command.text()).toBe('served')
  })

  test('gives a helper back its port when it was taken too early', async () => {
    await using command = await RunningCommand.serving(
      {
        'app.js': http(`
          const helper = http.createServer((_, response) => response.end('helper'))
          helper.listen(0, '127.0.0.1', () => {
            const { port } = helper.address()
            helper.close(() => helper.listen(port, '127.0.0.1', () => {
              server.listen(process.env.PORT, () => console.log('helper on ' + port))
            }))
          })`),
      },
      'node app.js',
    )
    const port = await until(
      'both listen',
      () => /helper on (\d+)/.exec(command.supervised.program.stdout)?.[1],
    )
    expect(await command.text()).toBe('served')
    await until('the helper is back', async () => {
      const answer = await fetch(`http://127.0.0.1:${port}`).catch(() => undefined)
      return (await answer?.text()) === 'helper'
    })
  })

  test('may close its server and open another one', async () => {
    await using command = await RunningCommand.serving(
      {
        'app.js': http(`
          server.listen(process.env.PORT, () => {
            server.close(() => {
              http.createServer((_, response) => response.end('the second')).listen(process.env.PORT)
            })
          })`),
      },
      'node app.js',
    )
    await until('the second serves', async () => {
      return (await command.text().catch(() => '')) === 'the second'
    })
  })

  test('keeps its place in development while it restarts its server', async () => {
    await using command = await RunningCommand.serving(
      {
        'app.js': http(
          `server.listen(process.env.PORT); setInterval(() => {}, 1000)`,
          `response.end('the first')
          server.close()
          server.closeAllConnections()
          process.on('SIGUSR2', () => {
            http.createServer((_, response) => response.end('the second')).listen(process.env.PORT)
          })
          console.log('closed')`,
        ),
      },
      'exec node app.js',
      { RIP_MODE: 'development' },
    )
    expect(await command.text().catch(() => 'cut off')).toBeOneOf(['the first', 'cut off'])
    await until('it is closed', () => command.supervised.program.stdout.includes('closed'))
    using connection = await command.connect()
    connection.get('/', ['Connection: close'])
    process.kill(childOf(command.supervised.program.process.pid), 'SIGUSR2')
    await until('the next server answers', () => connection.received.endsWith('the second'))
    expect(await command.text()).toBe('the second')
  })

  test('may use https, which the balancer has ended', async () => {
    await using command = await RunningCommand.serving(
      {
        'app.js': `
          require('node:https').createServer({}, (request, response) => response.end('plain'))
            .listen(process.env.PORT)`,
      },
      'node app.js',
    )
    expect(await command.text()).toBe('plain')
  })

  test('may be a cluster', async () => {
    await using command = await RunningCommand.serving(
      {
        'app.js': http(`
          const cluster = require('node:cluster')
          if (cluster.isPrimary) { cluster.fork(); cluster.fork() }
          else server.listen(process.env.PORT, () => console.log('listens'))`),
      },
      'node app.js',
    )
    await until('both listen', () => command.supervised.program.stdout.split('listens').length === 3)
    expect(await command.text()).toBe('served')
  })

  test('is told a socket by the variables of its framework', async () => {
    await using command = await RunningCommand.serving(
      { 'app.js': http('server.listen({ path: process.env.SOCKET_PATH })') },
      'node app.js',
    )
    expect(await command.text()).toBe('served')
    expect(command.stderr).toBe('')
  })

  test('may ask itself on its own port', async () => {
    await using command = await RunningCommand.serving(
      {
        'app.js': http(
          'server.listen(process.env.PORT)',
          `const { PORT } = process.env
          if (request.url === '/fetch')
            return fetch('http://localhost:' + PORT + '/').then(async (own) => response.end('fetch ' + await own.text()))
          if (request.url === '/get')
            return http.get({ port: PORT, host: '127.0.0.1' }, (own) => { response.write('get '); own.pipe(response) })
          if (request.url === '/connect') {
            const own = require('node:net').connect(PORT, 'localhost', () => own.write('GET / HTTP/1.0\\r\\n\\r\\n'))
            return own.pipe(response)
          }
          response.end('itself')`,
        ),
      },
      'node app.js',
    )
    expect(await command.text('/fetch')).toBe('fetch itself')
    expect(await command.text('/get')).toBe('get itself')
    expect(await command.text('/connect')).toEndWith('itself')
  })

  test('keeps options of the user', async () => {
    await using command = await RunningCommand.serving(
      { 'app.js': http('server.listen(process.env.PORT)', `response.end(String(process.title))`) },
      'node app.js',
      { NODE_OPTIONS: '--title=mine' },
    )
    expect(await command.text()).toBe('mine')
  })

  test('finishes its requests and ends its streams before its processes are told to end', async () => {
    await using command = await RunningCommand.serving(
      {
        'app.js': http(
          `process.on('SIGTERM', () => { console.log('TERM'); process.exit() })
          server.listen(process.env.PORT)`,
          `if (request.url === '/events') {
            response.writeHead(200, { 'content-type': 'text/event-stream' })
            return response.write('data: 1\\n\\n')
          }
          console.log('begun')
          setTimeout(() => { console.log('answered'); response.end('finished') }, 400)`,
        ),
      },
      'node app.js',
    )
    const { supervised } = command
    using events = await command.connect()
    events.get('/events')
    await until('the stream has begun', () => events.received.includes('data: 1'))
    const answer = command.text()
    await until('the request is counted', () => {
      const { inFlight, eventStreams } = supervised.message('beacon') ?? {}
      return inFlight === 1 && eventStreams === 1
    })
    supervised.send({ type: 'drain', deadlineMs: DRAIN_MS })
    expect(await answer).toBe('finished')
    expect(await supervised.program.exitCode()).toBe(0)
    expect(supervised.program.stdout).toBe('begun\nanswered\nTERM\n')
    expect(supervised.message('drained')).toEqual({ type: 'drained', abandoned: 0 })
  })

  test('is killed with everything it started when it does not end in time', async () => {
    const stubborn = `process.on('SIGTERM', () => {}); console.log('child ' + process.pid); setInterval(() => {}, 1000)`
    await using command = await RunningCommand.serving(
      {
        'child.js': stubborn,
        'app.js': http(`
          require('node:child_process').spawn('node', ['child.js'], { detached: true, stdio: 'inherit' })
          process.on('SIGTERM', () => {})
          server.listen(process.env.PORT)`),
      },
      'node app.js; true',
    )
    const { supervised } = command
    const child = Number(
      await until('the child runs', () => /child (\d+)/.exec(supervised.program.stdout)?.[1]),
    )
    supervised.send({ type: 'drain', deadlineMs: SHORT_DRAIN_MS })
    expect(await supervised.program.exitCode()).toBe(0)
    expect(isAlive(child)).toBe(false)
  })

  test('counts a request once that waits for its leave to send the body', async () => {
    await using command = await RunningCommand.serving(
      {
        'app.js': http(`
          server.on('checkContinue', (request, response) => {
            response.writeContinue()
            server.emit('request', request, response)
          })
          server.listen(process.env.PORT)`),
      },
      'node app.js',
    )
    using connection = await command.connect()
    connection.write('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok')
    await until('it is answered', () => connection.received.endsWith('served'))
    const counts = (): number[] =>
      command.supervised.messages.flatMap((each) => (each.type === 'beacon' ? [each.requests] : []))
    await until('it is counted', () => counts().at(-1)! > 0)
    expect(Math.max(...counts())).toBe(1)
  })

  test.skipIf(process.platform !== 'linux')('reports how many files it can still open', async () => {
    await using command = await RunningCommand.serving(
      {
        'app.js': http(
          `server.listen(process.env.PORT)
          const { openSync } = require('node:fs')`,
          `try { while (request.url === '/fill') openSync('/dev/null') } catch {}; response.end()`,
        ),
      },
      'ulimit -n 128; exec node app.js',
    )
    const free = (): number => command.supervised.message('beacon')?.freeDescriptors ?? Infinity
    await until('it is told', () => free() < 128)
    expect(free()).toBeGreaterThan(0)
    await command.text('/fill')
    await until('it is told that there are none', () => free() === 0)
  })

  test('reports how late its event loop is', async () => {
    await using command = await RunningCommand.serving(
      {
        'app.js': http(
          'server.listen(process.env.PORT)',
          `const end = Date.now() + 500; while (Date.now() < end); response.end()`,
        ),
      },
      'node app.js',
    )
    await command.text()
    await until('the lag is told', () =>
      command.supervised.messages.some((message) => message.type === 'beacon' && message.loopLagMs > 400),
    )
  })
})

describe('a command that is reached by a port', () => {
  /** Of Node.js, without what redirects its servers. */
  const run = (answer: string): Promise<RunningCommand> =>
    RunningCommand.serving(
      { 'app.js': http(`server.listen(process.env.PORT, '127.0.0.1')`, answer) },
      'env -u NODE_OPTIONS node app.js',
    )

  test('gets every byte, and its answers arrive whole', async () => {
    await using command = await run('request.pipe(response)')
    const body = Buffer.alloc(20_000_000, 'abcdefg')
    const answer = await command.supervised.fetch('/', { method: 'POST', body })
    expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true)
  })

  test('finishes its requests before its processes are told to end', async () => {
    await using command = await run(`console.log('begun'); setTimeout(() => response.end('finished'), 400)`)
    const { supervised } = command
    const answer = command.text('/', { connection: 'close' })
    await until('it has begun', () => supervised.program.stdout.includes('begun'))
    supervised.send({ type: 'drain', deadlineMs: DRAIN_MS })
    expect(await answer).toBe('finished')
    expect(await supervised.program.exitCode()).toBe(0)
    expect(supervised.message('drained')).toEqual({ type: 'drained', abandoned: 0 })
  })

  test('hears of a client that leaves', async () => {
    await using command = await run(`response.on('close', () => console.log('gone')); console.log('begun')`)
    const { program } = command.supervised
    {
      using connection = await command.connect()
      connection.get('/')
      await until('it has begun', () => program.stdout.includes('begun'))
    }
    await until('it has heard of it', () => program.stdout.includes('gone'))
  })

  test('hears of no connection without a request', async () => {
    const listening = `
      server.on('connection', () => console.log('connection'))
      server.listen(process.env.PORT, '127.0.0.1')`
    const files = { 'app.js': http(listening) }
    await using command = await RunningCommand.serving(files, 'env -u NODE_OPTIONS node app.js')
    {
      using _idle = await command.connect()
    }
    expect(await command.text('/', { connection: 'close' })).toBe('served')
    await until('it has told of the request', () => command.supervised.program.stdout !== '')
    expect(command.supervised.program.stdout).toBe('connection\n')
  })

  test('is replaced when it ends, with its own exit code', async () => {
    await using command = await run('process.exit(9)')
    await command.text().catch(() => {})
    expect(await command.supervised.program.exitCode()).toBe(9)
    expect(command.stderr).toContain('"env -u NODE_OPTIONS node app.js" ended with code 9')
  })
})

test('what a process writes to the socket of the worker beside it does no harm', async () => {
  await using command = await RunningCommand.serving(
    {
      'app.js': http(`
        const link = require('node:net').connect(process.env.RIP_COMMAND_LINK)
        link.write('nonsense\\n{"type":"figures","inFlight":"many"}\\nnull\\n{"type":"serves"}\\n', () => {
          server.listen(process.env.PORT)
        })
        server.on('request', () => link.write([
          { type: 'serves', pid: 1, port: '\\u001b[2J', isAssigned: false },
          { type: 'figures', inFlight: 0, webSockets: 7, eventStreams: 0, requests: 0, loopLagMs: 0 },
        ].map((message) => JSON.stringify(message) + '\\n').join('')))`),
    },
    'node app.js',
  )
  expect(await command.text()).toBe('served')
  await until('the lines are read', () =>
    command.supervised.messages.some((message) => message.type === 'beacon' && message.webSockets === 7),
  )
  expect(command.stderr).toBe('')
})

describe('a command that cannot be served', () => {
  const failure = async (command: RunningCommand): Promise<readonly [string, string, number]> => {
    const { failure: told } = await command.supervised.received('failed')
    return [told.kind, told.message, await command.supervised.program.exitCode()]
  }

  test.each([
    [
      'ends at once',
      'exit 7',
      [
        'command',
        '"exit 7" ended with code 7 before it served; if it can run only once at a time, use --workers 1',
        3,
      ],
    ],
    [
      'is killed',
      'kill -9 $$',
      [
        'command',
        '"kill -9 $$" ended by SIGKILL before it served; if it can run only once at a time, use --workers 1',
        3,
      ],
    ],
    [
      'goes to the background',
      'true',
      ['command', '"true" ended with code 0 before it served: a command has to stay in the foreground', 3],
    ],
    [
      'is not there',
      'nowhere-to-be-found',
      ['not-found', '"nowhere-to-be-found" was not found (code 127)', 4],
    ],
  ] as const)('because it %s', async (_, text, expected) => {
    await using command = new RunningCommand({}, text)
    expect(await failure(command)).toEqual([...expected])
  })

  test('because it listens nowhere, is given longer by an option', async () => {
    await using command = new RunningCommand({}, 'sleep 60', { RIP_BOOT_TIMEOUT_MS: '1000' })
    const [kind, message, code] = await failure(command)
    expect([kind, code]).toEqual(['command', 3])
    expect(message).toMatch(/^"sleep 60" did not listen within 1000 ms on port \d+, which PORT names: /)
    expect(message).toEndWith('it listens on no port; --boot-timeout gives it longer')
  })

  test('because it listens elsewhere, is told the port', async () => {
    await using command = new RunningCommand(
      {
        'app.js': `require('node:net').createServer().listen(0, function () { console.log(this.address().port) })`,
      },
      'node app.js',
      { RIP_BOOT_TIMEOUT_MS: '8000' },
    )
    const [kind, message, code] = await failure(command)
    const port = command.supervised.program.stdout.trim()
    expect([kind, code]).toEqual(['command', 3])
    expect(message).toMatch(/^"node app.js" did not listen within 8000 ms on port \d+, which PORT names: /)
    expect(message).toEndWith(`it listens on port ${port} instead; write $PORT in its place in the command`)
  })
})

function childOf(pid: number): number {
  const { stdout } = Bun.spawnSync(['ps', '-o', 'pid=', '--ppid', String(pid)])
  return Number(stdout.toString())
}
