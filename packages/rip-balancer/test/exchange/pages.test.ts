/** What pages and all other responses look like with a script for pages, on the wire. */
import { describe, expect, test } from 'bun:test'
import { errorPages } from '../../src/pages/error-pages.ts'
import { PageScript } from '../../src/page-script/page-script.ts'
import { SideClaims } from '../../src/pool/side-claims.ts'
import { createBalancer } from '../../src/index.ts'
import { OK, RawBackend, RawClient, TestBalancer, answering, eventually } from './data-plane.ts'
import { FrameClient, GET as GET2, fieldOf } from '../listener/http2/frame-client.ts'
import { TempFolder, TestBackend, named } from '../servers.ts'

const PAGE = '<!doctype html><html><head><title>a</title></head></html>'
const SCRIPT = '<script async src="/.dev/client.js"></script>'
const WITH_SCRIPT = PAGE.replace('<head>', `<head>${SCRIPT}`)

const NAVIGATION = 'Sec-Fetch-Dest: document\r\n'

function request(fields = NAVIGATION, line = 'GET /a HTTP/1.1'): string {
  return `${line}\r\nHost: h.test\r\n${fields}\r\n`
}

function response(fields = '', body = PAGE, status = '200 OK'): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`
}

interface Exchange {
  /** What the client got, without the date. */
  readonly head: string
  readonly body: string
  /** What the backend got. */
  readonly asked: string
  readonly warnings: readonly string[]
}

async function exchanged(from: string, asked = request()): Promise<Exchange> {
  const warnings: string[] = []
  await using backend = await RawBackend.start((socket, received) => {
    if (received.includes('\r\n\r\n')) socket.end(Buffer.from(from, 'latin1'))
  })
  const pageScript = new PageScript('/.dev/client.js', (message) => warnings.push(message))
  const settings = { pageScript, errorPages }
  await using balancer = await TestBalancer.start([backend.path], { settings })
  using client = await RawClient.connect(balancer.port)
  client.send(asked)
  client.socket.end()
  const received = await client.untilEnd()
  const end = received.indexOf('\r\n\r\n')
  const head = received.slice(0, end + 2).replace(/Date: [^\r]*\r\n/, '')
  const body = received.slice(end + 4)
  return { head, body: isChunked(head) ? unchunked(body) : body, asked: backend.all, warnings }
}

const isChunked = (head: string): boolean => /^transfer-encoding: chunked\r$/im.test(head)

function unchunked(body: string): string {
  let out = ''
  for (let at = 0; ;) {
    const end = body.indexOf('\r\n', at)
    const length = Number.parseInt(body.slice(at, end), 16)
    if (length === 0) return out
    out += body.slice(end + 2, end + 2 + length)
    at = end + 2 + length + 2
  }
}

describe('a page that a browser navigates to', () => {
  test('has the script, and no length that would be wrong', async () => {
    const { head, body } = await exchanged(response())
    expect(body).toBe(WITH_SCRIPT)
    expect(isChunked(head)).toBe(true)
    expect(head).not.toMatch(/content-length/i)
    expect(head).toMatch(/^Vary: Sec-Fetch-Dest\r$/m)
  })

  test('has it in whatever pieces it comes', async () => {
    const chunks = PAGE.replace(/./g, '1\r\n$&\r\n')
    const { body } = await exchanged(
      `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
    )
    expect(body).toBe(WITH_SCRIPT)
  })

  test('is passed on as it comes', async () => {
    const { promise: headSeen, resolve: sawHead } = Promise.withResolvers<void>()
    await using backend = await RawBackend.start((socket, received) => {
      if (!received.endsWith('\r\n\r\n')) return
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<!doctype html><head>')
      void headSeen.then(() => socket.end('<title>'))
    })
    const settings = { pageScript: new PageScript('/.dev/client.js', () => {}) }
    await using balancer = await TestBalancer.start([backend.path], { settings })
    using client = await RawClient.connect(balancer.port)
    await client.send(request()).untilText(SCRIPT)
    expect(client.received).not.toContain('<title>')
    sawHead()
    await client.untilText('<title>')
  })

  test('has it over HTTP/1.0, where the connection ends it', async () => {
    const { head, body } = await exchanged(response(), request(NAVIGATION, 'GET /a HTTP/1.0'))
    expect(body).toBe(WITH_SCRIPT)
    expect(head).not.toMatch(/content-length|transfer-encoding/i)
  })

  test('has it over HTTP/2', async () => {
    await using backend = await RawBackend.start(answering(response()))
    const settings = { pageScript: new PageScript('/.dev/client.js', () => {}) }
    await using balancer = await TestBalancer.start([backend.path], { settings, listener: { http2: true } })
    using client = await FrameClient.connect(balancer.port)
    client.request(1, [...GET2, ['sec-fetch-dest', 'document']]).request(3, [...GET2, ['accept', '*/*']])
    const [page, other] = [await client.settled(1), await client.settled(3)]
    expect(page.body).toBe(WITH_SCRIPT)
    expect(fieldOf(page.blocks[0], 'content-length')).toBeUndefined()
    expect(other.body).toBe(PAGE)
    expect(fieldOf(other.blocks[0], 'content-length')).toBe(String(PAGE.length))
  })

  test('has it as an error page, too', async () => {
    expect((await exchanged(response('', PAGE, '500 Oh'))).body).toBe(WITH_SCRIPT)
  })

  test('has it as an error page of the balancer, too', async () => {
    const asked = request(`${NAVIGATION}Accept: text/html\r\n`)
    const { head, body } = await exchanged('nonsense\r\n\r\n', asked)
    expect(head).toStartWith('HTTP/1.1 502 ')
    expect(body).toContain(`<html lang="en">${SCRIPT}`)
    expect(head).toContain(`Content-Length: ${body.length}\r\n`)
    const fetched = await exchanged(
      'nonsense\r\n\r\n',
      request('Sec-Fetch-Dest: empty\r\nAccept: text/html\r\n'),
    )
    expect(fetched.body).not.toContain(SCRIPT)
  })

  test('has it where browsers say only what they accept', async () => {
    const accepting = request('Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n')
    expect((await exchanged(response(), accepting)).body).toBe(WITH_SCRIPT)
  })

  test('says that it was posted', async () => {
    const posted = request(`${NAVIGATION}Content-Length: 0\r\n`, 'POST /a HTTP/1.1')
    expect((await exchanged(response(), posted)).body).toContain(' data-method="post"></script>')
  })

  test('has the nonce of its policy', async () => {
    const { body } = await exchanged(response("Content-Security-Policy: script-src 'nonce-r4nd'\r\n"))
    expect(body).toContain('<head><script async src="/.dev/client.js" nonce="r4nd"></script>')
  })

  test('is left alone where its policy forbids the script, which is told once', async () => {
    const policy = "Content-Security-Policy: default-src 'none'\r\n"
    const { head, body, warnings } = await exchanged(response(policy))
    expect(body).toBe(PAGE)
    expect(head).toContain(`Content-Length: ${PAGE.length}\r\n`)
    expect(warnings).toEqual([
      "/a gets no /.dev/client.js: the default-src of its Content-Security-Policy does not allow it; add 'self' to script-src and connect-src in development to have it",
    ])
  })

  test('has a head without a body that agrees with it', async () => {
    const head = response('ETag: "v1"\r\n').replace(PAGE, '')
    const got = await exchanged(head, request(NAVIGATION, 'HEAD /a HTTP/1.1'))
    expect(got.head).not.toMatch(/content-length/i)
    expect(got.head).not.toMatch(/etag/i)
    expect(got.body).toBe('')
  })

  test('has nothing by which the browser could ask for its bytes again', async () => {
    const fields = 'ETag: W/"v1"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\nAccept-Ranges: bytes\r\n'
    const { head } = await exchanged(response(fields))
    expect(head).not.toMatch(/etag|last-modified|accept-ranges/i)
  })

  test('that has not changed is passed on as such', async () => {
    const { head, body } = await exchanged(
      'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\nContent-Length: 7\r\n\r\n',
    )
    expect(head).toContain('ETag: "v1"\r\nContent-Length: 7\r\n')
    expect(body).toBe('')
  })

  test('is asked for in full, and not compressed, whatever the browser has of it', async () => {
    const { asked } = await exchanged(
      response(),
      request(
        `${NAVIGATION}If-None-Match: "v1"\r\nIf-Modified-Since: Mon, 01 Jan 2024 00:00:00 GMT\r\nAccept-Encoding: gzip, br\r\n`,
      ),
    )
    expect(asked).not.toMatch(/if-none-match|if-modified-since|gzip/i)
    expect(asked).toContain('accept-encoding: identity\r\n')
  })
})

describe('what is no page for a browser to show is not touched', () => {
  test.each([
    ['fetched by a script', request('Sec-Fetch-Dest: empty\r\nAccept: text/html\r\n'), response()],
    ['in a frame', request('Sec-Fetch-Dest: iframe\r\nAccept: text/html\r\n'), response()],
    ['asked for by htmx', request('HX-Request: true\r\nAccept: text/html\r\n'), response()],
    [
      'asked for by other libraries',
      request('X-Requested-With: XMLHttpRequest\r\nAccept: text/html\r\n'),
      response(),
    ],
    ['asked for by a program', request('Accept: */*\r\n'), response()],
    ['uploaded', request(NAVIGATION, 'PUT /a HTTP/1.1'), response()],
    ['compressed', request(), response('Content-Encoding: br\r\n')],
    ['downloaded', request(), response('Content-Disposition: attachment\r\n')],
    ['not to be transformed', request(), response('Cache-Control: no-transform\r\n')],
    ['a part', request(), response('Content-Range: bytes 0-1/9\r\n', PAGE, '206 Partial Content')],
    ['text', request(), response().replace('text/html', 'text/plain')],
    ['almost HTML', request(), response().replace('text/html', 'text/html-x')],
  ])('%s', async (_, asked, from) => {
    const { head, body } = await exchanged(from, asked)
    expect(body).toBe(PAGE)
    expect(head).toContain(`Content-Length: ${PAGE.length}\r\n`)
    expect(head).not.toMatch(/^vary/im)
  })

  test('nor a fragment, wherever it is asked for', async () => {
    expect((await exchanged(response('', '<p>a</p>'))).body).toBe('<p>a</p>')
  })

  test('nor what follows a page on its connection', async () => {
    await using backend = await RawBackend.start((socket, received) => {
      const requests = received.split('\r\n\r\n').length - 1
      socket.write(requests === 1 ? response('', '<!doctype html>') : OK.replace('ok', '<a'))
    })
    const settings = { pageScript: new PageScript('/.dev/client.js', () => {}) }
    await using balancer = await TestBalancer.start([backend.path], { settings })
    using client = await RawClient.connect(balancer.port)
    await client.send(request()).untilText(`${SCRIPT}\r\n0\r\n\r\n`)
    client.received = ''
    await client.send(request('')).untilText('<a')
    expect(client.received).toEndWith('\r\n\r\n<a')
  })
})

describe('requests below the folder of the script', () => {
  test('reach its server, and no others do', async () => {
    using folder = new TempFolder()
    await using app = named(folder, 'app')
    await using tool = new TestBackend(
      folder.file('tool.sock'),
      ({ url }) => new Response(new URL(url).pathname),
    )
    const config = {
      listen: '127.0.0.1:0',
      to: app.address,
      pageScript: { path: '/.dev/client.js', backend: tool.address },
    }
    const logged: string[] = []
    const logSink = { write: async (text: string) => void logged.push(text) }
    await using balancer = createBalancer({ ...config, accessLog: 'json' }, { logSink })
    await balancer.start()
    const read = async (path: string): Promise<string> =>
      (await fetch(balancer.url + path, { keepalive: false })).text()
    expect(await read('/.dev/client.js')).toBe('/.dev/client.js')
    expect(await read('/.dev/events?a=/b')).toBe('/.dev/events')
    expect(await read('/.device')).toBe('app')
    expect(await read('/?/.dev/client.js')).toBe('app')
    expect(balancer.status().pools[0]!.backends[0]!.inFlight).toBe(0)
    await eventually(() => logged.join('').includes('/.device'))
    expect(logged.join('')).not.toContain('"/.dev/')
    await balancer.reload({ listen: config.listen, to: config.to })
    expect(await read('/.dev/client.js')).toBe('app')
  })

  test('are answered with an error when that server has gone, and leave the pool as it was', async () => {
    const pool = new NotedClaims()
    const claims = new SideClaims(pool, { kind: 'unix', path: '/nowhere' }, (target) => target === '/side')
    const request = { target: '/side' } as never
    const side = claims.claim(request)
    if (typeof side === 'string') throw new Error(side)
    expect(claims.claim(request, [side])).toBe('no-backend')
    expect(claims.hasOther(side)).toBe(false)
    expect(claims.hasRoom(side)).toBe(true)
    claims.hold(side, 'event-stream')
    claims.letGo(side, 'event-stream', 'ok')
    claims.release(side, 'connect-failed')
    expect(pool.calls).toEqual([])
  })

  test.each([
    [
      { path: '/client.js', backend: 'unix:/a' },
      'pageScript.path: expected a path with a folder, such as /.dev/client.js',
    ],
    [{ path: '/a/"x', backend: 'unix:/a' }, 'pageScript.path: expected a path with a folder'],
    [{ path: '/.dev/client.js', backend: 'nowhere' }, 'pageScript.backend: expected host:port or unix:PATH'],
    [{ path: '/.dev/client.js' }, 'pageScript.backend: expected the address of its server'],
    [{ backend: 'unix:/a' }, 'pageScript.path: expected the path of the script'],
  ])('are refused for %j', (pageScript, problem) => {
    expect(() => createBalancer({ listen: '127.0.0.1:0', pageScript })).toThrow(problem)
  })
})

/** A pool that notes what it is asked, and must not be asked anything. */
class NotedClaims {
  readonly calls: string[] = []
  readonly queued = 0
  readonly capacity = 0
  readonly waitsForBackends = false
  readonly isPressed = false

  claim(): 'no-backend' {
    return this.note('claim', 'no-backend')
  }

  hasOther(): boolean {
    return this.note('hasOther', true)
  }

  withdraw(): void {
    this.calls.push('withdraw')
  }

  release(): void {
    this.calls.push('release')
  }

  hasRoom(): boolean {
    return this.note('hasRoom', false)
  }

  hold(): void {
    this.calls.push('hold')
  }

  letGo(): void {
    this.calls.push('letGo')
  }

  mayRetry(): boolean {
    return this.note('mayRetry', false)
  }

  private note<T>(call: string, answer: T): T {
    this.calls.push(call)
    return answer
  }
}
