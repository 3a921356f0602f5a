import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { until } from '@rip/testing'
import { Folder, Program, RawConnection, Supervised } from './helpers.ts'

function supervise(code: string, env: Readonly<Record<string, string>> = {}): Supervised {
  return new Supervised(new Folder({ 'app.ts': code }), { env })
}

const json = async (response: Promise<Response>): Promise<unknown> => (await response).json()

const NODE = `import { createServer } from 'node:http'\n`

describe('what an application sees of a server it opened', () => {
  test('Bun.serve has the public address, before the worker listens and in the handler', async () => {
    await using supervised = supervise(
      `const server = Bun.serve({ port: 4981, hostname: '0.0.0.0', fetch: (_, s) => Response.json(seen(s)) })
       const seen = (s) => [s.port, s.hostname, s.address.address, s.url.href, s.protocol, s === server]
       console.log(JSON.stringify(seen(server)))`,
      { RIP_PUBLIC_URL: 'https://shop.test' },
    )
    await supervised.received('ready')
    const seen = [443, '0.0.0.0', '0.0.0.0', 'https://shop.test/', 'https', true]
    expect(JSON.parse(supervised.program.stdout)).toEqual(seen)
    expect(await json(supervised.fetch('/'))).toEqual(seen)
  })

  test('node:http listens on the public port, its callback runs once, and an await of it resolves', async () => {
    await using supervised = supervise(
      `${NODE}
       const server = createServer((_, response) => response.end(JSON.stringify(server.address())))
       await new Promise((resolve) => server.on('listening', () => console.log('listening event')).listen(4980, resolve))
       console.log(server.listening, server.address().port)`,
      { RIP_PUBLIC_URL: 'http://127.0.0.1:4979' },
    )
    await supervised.received('ready')
    expect(await json(supervised.fetch('/'))).toEqual({ address: '::', family: 'IPv6', port: 4979 })
    expect(supervised.program.stdout).toBe('listening event\ntrue 4979\n')
  })

  test('without a public address it is the one that the application asked for', async () => {
    await using supervised = supervise(
      `const { port, url } = Bun.serve({ port: 4978, fetch: () => Response.json([port, url]) })`,
    )
    await supervised.received('ready')
    expect(await json(supervised.fetch('/'))).toEqual([4978, 'http://localhost:4978/'])
  })

  test('for a worker alone on TCP it is where the worker listens', async () => {
    using folder = new Folder({
      'app.ts': `const server = Bun.serve({ port: 4977, fetch: () => new Response(server.url.href) })`,
    })
    await using program = new Program({ args: [folder.path, '--listen', '127.0.0.1:0'] })
    const address = await program.address()
    expect(await (await fetch(address)).text()).toBe(`${address}/`)
  })

  test('requestIP believes the balancer, publish and subscriberCount concern the sockets of the worker', async () => {
    await using supervised = supervise(
      `const server = Bun.serve({
         fetch: (request) => server.upgrade(request) ? undefined : Response.json([server.requestIP(request)?.address, server.subscriberCount('all'), server.pendingWebSockets, server.publish('all', 'news') > 0]),
         websocket: { open: (socket) => socket.subscribe('all') },
       })`,
    )
    await supervised.received('ready')
    const client = new WebSocket(`ws+unix://${supervised.socket}:/`)
    const news = new Promise((resolve) => client.addEventListener('message', ({ data }) => resolve(data)))
    await new Promise((resolve) => client.addEventListener('open', resolve))
    const headers = { 'x-real-ip': '192.0.2.7' }
    expect(await json(supervised.fetch('/', { headers }))).toEqual(['192.0.2.7', 1, 1, true])
    expect(await news).toBe('news')
    client.close()
  })

  test('reload replaces fetch and routes, before the worker listens and afterwards', async () => {
    await using supervised = supervise(
      `const server = Bun.serve({ routes: { '/a': new Response('a1') }, fetch: () => new Response('f1') })
       server.reload({ fetch: () => new Response('f2') })
       export const ready = () => {
         server.reload({ routes: { '/a': () => new Response('a3'), '/b': () => new Response(String(server.pendingRequests)) } })
       }`,
    )
    await supervised.received('ready')
    const text = async (path: string): Promise<string> => (await supervised.fetch(path)).text()
    expect([await text('/a'), await text('/b'), await text('/c')]).toEqual(['a3', '1', 'f2'])
  })

  test('fetch answers without a socket, and a body limit counts', async () => {
    await using supervised = supervise(
      `const server = Bun.serve({ maxRequestBodySize: 10, fetch: async (request) => new Response(await request.text() + new URL(request.url).pathname) })
       console.log(await (await server.fetch('/x')).text())`,
    )
    await supervised.received('ready')
    expect(supervised.program.stdout).toBe('/x\n')
    expect((await supervised.fetch('/', { method: 'POST', body: 'x'.repeat(11) })).status).toBe(413)
  })

  test('a TLS option is not used, with a warning', async () => {
    await using supervised = supervise(
      `Bun.serve({ tls: { key: 'k', cert: 'c' }, fetch: () => new Response('plain') })`,
    )
    await supervised.received('ready')
    expect(await (await supervised.fetch('/')).text()).toBe('plain')
    expect(supervised.program.stderr).toContain('warning: tls of the server that is opened here is not used')
  })
})

describe('pages that are imported', () => {
  const files = {
    'app.ts': `import page from './index.html'\nBun.serve({ routes: { '/*': page, '/x/:id': { GET: page } } })`,
    'index.html': '<script type="module" src="./page.ts"></script>',
    'page.ts': `console.log('in the browser')`,
  }

  test('have their scripts bundled before the first request for the page', async () => {
    const folder = new Folder(files)
    await using first = new Program({ args: [folder.path, '--listen', '127.0.0.1:0'] })
    const page = await (await fetch(`${await first.address()}/x/1`)).text()
    await using second = new Supervised(folder)
    await second.received('ready')
    const script = await second.fetch(/src="(.+?)"/.exec(page)?.[1] ?? '')
    expect(script.headers.get('content-type')).toStartWith('text/javascript')
  })

  test('keep the worker from being ready if they cannot be bundled', async () => {
    await using supervised = new Supervised(new Folder({ ...files, 'page.ts': '\nconst = 1' }))
    const { failure } = await supervised.received('failed')
    expect(failure).toMatchObject({
      kind: 'compile',
      line: 2,
      frame: expect.stringContaining('> 2 | const = 1'),
    })
    expect(failure.message).toContain('index.html of the route /* could not be bundled')
    expect(await supervised.program.exitCode()).toBe(4)
  })
})

describe('the end of a server', () => {
  test.each([
    [
      'stop() of Bun.serve',
      `const server = Bun.serve({ fetch: async () => { ends(); await Bun.sleep(100); return new Response('finished') } })`,
      'server.stop().then(() => console.log("stopped"))',
    ],
    [
      'close() of node:http',
      `${NODE}const server = createServer(async (_, response) => { ends(); await Bun.sleep(100); response.end('finished') }).listen(4976)`,
      'server.close(() => console.log("stopped"))',
    ],
  ])('%s: the worker leaves, and finishes what runs', async (_, open, end) => {
    await using supervised = supervise(`${open}\nconst ends = () => { ${end} }`)
    await supervised.received('ready')
    const response = supervised.fetch('/')
    expect((await supervised.received('leaving')).reason).toBe('signal')
    supervised.send({ type: 'drain', deadlineMs: 5000 })
    expect(await (await response).text()).toBe('finished')
    expect(await supervised.received('drained')).toEqual({ type: 'drained', abandoned: 0 })
    expect(await supervised.program.exitCode()).toBe(0)
    expect(supervised.program.stdout).toBe('stopped\n')
  })

  test('before the worker serves makes room for another server', async () => {
    await using supervised = supervise(
      `${NODE}
       const probe = createServer(() => {}).listen(4975, () => probe.close(() => {
         console.log('probed', probe.listening)
         Bun.serve({ fetch: () => new Response('the real one') })
       }))`,
    )
    await supervised.received('ready')
    expect(await (await supervised.fetch('/')).text()).toBe('the real one')
    expect(supervised.program.stdout).toBe('probed false\n')
  })
})

describe('which server is served', () => {
  test('a framework that is exported and also listens counts as listening', async () => {
    await using supervised = supervise(
      `const app = { fetch: () => new Response('app'), listen() { Bun.serve({ fetch: () => new Response('listens') }) } }
       app.listen()
       export default app`,
    )
    await supervised.received('ready')
    expect(await (await supervised.fetch('/')).text()).toBe('listens')
  })

  test('a handler exported beside the server of an adapter on the usual port counts as that of the server', async () => {
    await using supervised = supervise(
      `${NODE}
       const app = { fetch: () => new Response('app') }
       createServer(async (_, response) => response.end('served: ' + await app.fetch().text())).listen(4242)
       export default app`,
      { PORT: '4242' },
    )
    await supervised.received('ready')
    expect(await (await supervised.fetch('/')).text()).toBe('served: app')
  })

  const EXPRESS_LIKE = `${NODE}
    const app = Object.assign((_, response) => response.end('listener'), { handle() {} })`

  test('an exported application whose listen is its own is listened with, once', async () => {
    await using supervised = supervise(
      `${EXPRESS_LIKE}
       const server = createServer((_, response) => response.end('its own server'))
       app.listen = async (...values) => { console.log('listen'); await Bun.sleep(5); return server.listen(...values) }
       export default app
       setTimeout(() => server.listen(4960, () => console.log('listens', server.listening)), 100)`,
    )
    await supervised.received('ready')
    expect(await (await supervised.fetch('/')).text()).toBe('its own server')
    await until('it has listened itself', () => supervised.program.stdout === 'listen\nlistens true\n')
  })

  test('the listen that a framework gives every application is not called', async () => {
    await using supervised = supervise(
      `${EXPRESS_LIKE}
       app.listen = function () { console.log('listen'); return createServer(this).listen(...arguments) }
       export default app`,
    )
    await supervised.received('ready')
    expect(await (await supervised.fetch('/')).text()).toBe('listener')
    expect(supervised.program.stdout).toBe('')
  })

  test('an exported application whose own listen opens nothing is served by its handler', async () => {
    await using supervised = supervise(`${EXPRESS_LIKE}\napp.listen = () => {}\nexport default app`)
    await supervised.received('ready')
    expect(await (await supervised.fetch('/')).text()).toBe('listener')
  })

  test('an exported application whose own listen fails keeps the worker from being ready', async () => {
    const listen = `() => { throw new Error('no licence') }`
    await using supervised = supervise(`${EXPRESS_LIKE}\napp.listen = ${listen}\nexport default app`)
    const { failure } = await supervised.received('failed')
    expect(failure).toMatchObject({ kind: 'import', line: 4 })
    expect(failure.message).toContain('could not be loaded: no licence')
  })

  test('a server may be closed and opened again', async () => {
    await using supervised = supervise(
      `${NODE}
       const server = createServer((_, response) => response.end('again'))
       server.listen(4959, () => server.close(() => server.listen(4958, () => console.log('again'))))`,
    )
    await supervised.received('ready')
    expect(await (await supervised.fetch('/')).text()).toBe('again')
    expect(supervised.program.stdout).toBe('again\n')
  })

  test('a program that awaits its end at its top level serves meanwhile', async () => {
    await using supervised = supervise(
      `${NODE}
       import { once } from 'node:events'
       createServer((_, response) => response.end('served')).listen(4957)
       await once(process, 'SIGTERM')
       console.log('end')`,
      { RIP_BOOT_TIMEOUT_MS: '500' },
    )
    await supervised.received('ready')
    expect(supervised.program.stderr).toContain(
      'app.ts has opened its server, and is still being loaded after 0.25 s; it is served without its exports',
    )
    expect(await (await supervised.fetch('/')).text()).toBe('served')
    supervised.send({ type: 'drain', deadlineMs: 5000 })
    expect(await supervised.program.exitCode()).toBe(0)
    expect(supervised.program.stdout).toBe('end\n')
  })

  test('a program that fails at its top level while it serves is replaced', async () => {
    await using supervised = supervise(
      `${NODE}
       createServer((_, response) => response.end('served')).listen(4956)
       await new Promise((resolve) => process.once('SIGUSR2', resolve))
       throw new Error('queue lost')`,
      { RIP_BOOT_TIMEOUT_MS: '500' },
    )
    await supervised.received('ready')
    supervised.program.process.kill('SIGUSR2')
    expect((await supervised.received('leaving')).reason).toBe('unhealthy')
    expect(supervised.program.stderr).toContain('queue lost')
  })

  test('hooks are taken from the exports', async () => {
    await using supervised = supervise(
      `Bun.serve({ fetch: () => new Response() })\nexport const ready = () => console.log('ready hook')`,
    )
    await supervised.received('ready')
    expect(supervised.program.stdout).toBe('ready hook\n')
  })

  test('an exported handler may be listened with later on', async () => {
    await using supervised = supervise(
      `${NODE}
       const handler = () => new Response('exported')
       export default { fetch: handler }
       setTimeout(() => Bun.serve({ port: 4974, fetch: handler }) && console.log('listens'), 20)`,
    )
    await supervised.received('ready')
    await until('it listens', () => supervised.program.stdout === 'listens\n')
    expect(await (await supervised.fetch('/')).text()).toBe('exported')
  })

  test('another server that is opened later is refused with a message, even if the error is caught; one on any free port is not', async () => {
    await using supervised = supervise(
      `export default () => new Response()
       setTimeout(() => {
         try { Bun.serve({ port: 4973, fetch: () => new Response() }) } catch { console.log('caught') }
         console.log(Bun.serve({ port: 0, fetch: () => new Response() }).port > 0)
       }, 20)`,
    )
    await supervised.received('ready')
    await until('both were tried', () => supervised.program.stdout === 'caught\ntrue\n')
    await until('it is told', () => supervised.program.stderr.includes('opens its own server (port 4973)'))
  })

  test('the reason of a refusal is reported even if a framework ends the process on it', async () => {
    await using supervised = supervise(
      `Bun.serve({ port: 4972, fetch: () => new Response() })
       try { Bun.serve({ port: 4971, fetch: () => new Response() }) } catch { process.exit(1) }`,
    )
    const { failure } = await supervised.received('failed')
    expect(failure).toMatchObject({ kind: 'own-port', stack: expect.stringContaining('app.ts:2:') })
    expect(await supervised.program.exitCode()).toBe(4)
    expect(supervised.program.stderr).toContain(
      'opens its own server (port 4971) beside the one on port 4972',
    )
  })

  test('a second server that is opened once the first one listens is refused, even if that is ignored', async () => {
    await using supervised = supervise(
      `${NODE}
       createServer(() => {}).listen(4968, () => {
         createServer(() => {}).on('error', () => {}).listen(4967)
       })`,
    )
    const { failure } = await supervised.received('failed')
    expect(failure).toMatchObject({ kind: 'own-port', line: 4 })
    expect(failure.message).toContain('opens its own server (port 4967) beside the one on port 4968')
  })

  test('options that Bun.serve refuses are refused here as well', async () => {
    await using supervised = supervise(`Bun.serve({ port: 4966, ftech: () => new Response() })`)
    const { failure } = await supervised.received('failed')
    expect(failure).toMatchObject({ kind: 'import', line: 1, column: 5 })
    expect(failure.message).toContain('Bun.serve() needs a fetch function or routes')
  })

  test('a server that is exported before it listens takes upgrades as well', async () => {
    await using supervised = supervise(
      `${NODE}
       const server = createServer((_, response) => response.end('page'))
       server.on('upgrade', (_, socket) => socket.end('HTTP/1.1 101 Switching Protocols\\r\\nupgrade: x\\r\\nconnection: upgrade\\r\\n\\r\\nraw'))
       export default server`,
    )
    await supervised.received('ready')
    expect(await (await supervised.fetch('/')).text()).toBe('page')
    let received = ''
    await Bun.connect({
      unix: supervised.socket,
      socket: {
        open: (socket) =>
          void socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
        data: (_, bytes) => void (received += bytes.toString()),
      },
    })
    await until('it is upgraded', () => received.endsWith('raw'))
  })

  test('an HTTPS server is served without TLS', async () => {
    await using supervised = supervise(
      `import { createServer } from 'node:https'
       createServer({ key: '${'k'}', cert: 'c' }, (_, response) => response.end('plain')).listen(4970)`,
    )
    await supervised.received('ready')
    expect(await (await supervised.fetch('/')).text()).toBe('plain')
    expect(supervised.program.stderr).toContain('warning: tls')
  })

  test('a module that exports nothing and opens nothing is refused when its time is up', async () => {
    using folder = new Folder({ 'app.ts': 'setInterval(() => {}, 1000)' })
    const socket = folder.file('s.sock')
    await using program = new Program({
      args: [folder.path, '--listen', `unix:${socket}`],
      env: { RIP_BOOT_TIMEOUT_MS: '3000' },
    })
    await until('it is told what is waited for', () =>
      program.stderr.includes('has not opened a server yet; it is given 1.5 s to do so'),
    )
    expect(existsSync(socket)).toBe(false)
    expect(await program.exitCode()).toBe(4)
    expect(program.stderr).toContain('it exports nothing, opens no server')
  })

  test('a longer boot timeout gives a module more time to open its server, all but 20 seconds', async () => {
    await using supervised = supervise(
      `setTimeout(() => Bun.serve({ port: 4961, fetch: () => new Response('at last') }), 1500)`,
      { RIP_BOOT_TIMEOUT_MS: '60000' },
    )
    await until('it is told', () => supervised.program.stderr.includes('it is given 40 s to do so'))
    await supervised.received('ready')
    expect(await (await supervised.fetch('/')).text()).toBe('at last')
  })

  test.each([
    ['node:http2', `import { createServer } from 'node:http2'\ncreateServer().listen(0)`],
    ['node:net', `import { createServer } from 'node:net'\ncreateServer().listen(0, '127.0.0.1')`],
    ['Bun.listen', `Bun.listen({ port: 0, hostname: '127.0.0.1', socket: { data() {} } })`],
  ])('a module that listens by %s only is told how it can be run', async (_, code) => {
    await using supervised = supervise(code, { RIP_BOOT_TIMEOUT_MS: '500' })
    const { failure } = await supervised.received('failed')
    expect(failure.kind).toBe('own-port')
    expect(failure.message).toContain('app.ts listens on port 0 by node:http2, node:net or Bun.listen')
    expect(failure.message).toContain('rip-server -- COMMAND')
  })

  test('a handler is served, and a server of node:net that is opened beside it keeps its port', async () => {
    await using supervised = supervise(
      `import { createServer } from 'node:net'
       createServer((socket) => socket.end('raw')).listen(0, '127.0.0.1', function () { console.log(this.address().port) })
       export default () => new Response('page')`,
    )
    await supervised.received('ready')
    expect(await (await supervised.fetch('/')).text()).toBe('page')
    await until('it listens', () => supervised.program.stdout.endsWith('\n'))
    const received = Promise.withResolvers<string>()
    await Bun.connect({
      hostname: '127.0.0.1',
      port: Number(supervised.program.stdout),
      socket: { data: (_, bytes) => received.resolve(bytes.toString()) },
    })
    expect(await received.promise).toBe('raw')
  })
})

test('a request that waits for its leave to send the body takes one place, and counts once', async () => {
  await using supervised = supervise(
    `${NODE}
     const server = createServer((_, response) => response.end('served')).listen(4958)
     server.on('checkContinue', (request, response) => {
       response.writeContinue()
       server.emit('request', request, response)
     })`,
    { RIP_CONCURRENCY: '1' },
  )
  await supervised.received('ready')
  using connection = await RawConnection.to(supervised.socket)
  connection.write('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok')
  await until('it is answered', () => connection.received.endsWith('served'))
  expect(connection.received).toStartWith('HTTP/1.1 100 Continue')
  const counts = (): number[] =>
    supervised.messages.flatMap((each) => (each.type === 'beacon' ? [each.requests] : []))
  await until('it is counted', () => counts().at(-1)! > 0)
  expect(Math.max(...counts())).toBe(1)
})
