import { describe, expect, test } from 'bun:test'
import { createServer } from 'node:http'
import { chmodSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import type { WorkerOptions } from '../src/index.ts'
import { isHashedName } from '../src/static/hashed-name.ts'
import { readStaticFolder, staticFolderText } from '../src/static/static-folder.ts'
import { Folder, LocalWorker } from './helpers.ts'

const files = {
  'index.html': '<h1>home</h1>',
  'hello.txt': '0123456789',
  'about.html': 'about',
  'docs/index.html': 'docs',
  'empty.css': '',
  'a b+ü.txt': 'named',
  'app.js': 'plain',
  'app.js.br': 'br',
  'app.js.gz': 'gz',
  'assets/app-DiwrgTd4.js': 'hashed',
  'assets/logo.1f6b2c3d.svg': '<svg/>',
  'assets/report-20241231.pdf': 'report',
  '.env': 'SECRET=1',
  '.well-known/acme/token': 'token',
  '.git/config': 'secret',
  'rip-server.config.ts': 'secret',
  'Rip-Server.Config.ts': 'secret',
} as const

const application = (request: Request): Response => new Response(`app ${new URL(request.url).pathname}`)
const listener: WorkerOptions['listener'] = (request, response) => void response.end(`app ${request.url}`)

/** Each way in which a worker can be asked. */
const transports: readonly (readonly [
  string,
  () => Pick<WorkerOptions, 'fetch' | 'listener' | 'nodeServer'>,
])[] = [
  ['before fetch', () => ({ fetch: application })],
  ['before a listener of node:http', () => ({ listener })],
  ['before an http.Server', () => ({ nodeServer: createServer(listener) })],
]

describe.each(transports)('files %s', (_, answering) => {
  const serve = async (folder: Folder, options: Partial<WorkerOptions> = {}): Promise<LocalWorker> =>
    await LocalWorker.serve({ ...answering(), static: [{ at: '/', folder: folder.path }], ...options })

  test('are answered with their type, and everything else goes to the application', async () => {
    using folder = new Folder(files)
    await using worker = await serve(folder)
    const response = await worker.fetch('/hello.txt?v=1')
    expect(await response.text()).toBe('0123456789')
    expect(response.headers.get('content-type')).toBe('text/plain;charset=utf-8')
    expect(response.headers.get('content-length')).toBe('10')
    expect(response.headers.get('cache-control')).toBe('no-cache')
    expect(await textOf(worker, '/')).toBe('<h1>home</h1>')
    expect(await textOf(worker, '/about')).toBe('about')
    expect(await textOf(worker, '/docs/')).toBe('docs')
    expect(await textOf(worker, '/a%20b+%C3%BC.txt')).toBe('named')
    expect(await textOf(worker, '/empty.css')).toBe('')
    expect(await textOf(worker, '/api/things')).toBe('app /api/things')
    expect(await textOf(worker, '/hello.txt', { method: 'POST' })).toBe('app /hello.txt')
    expect(worker.worker.stats.requests).toBe(8)
  })

  test('HEAD gets the fields of GET', async () => {
    using folder = new Folder(files)
    await using worker = await serve(folder)
    const response = await worker.fetch('/hello.txt', { method: 'HEAD' })
    expect(response.headers.get('content-length')).toBe('10')
    expect(response.headers.get('content-type')).toBe('text/plain;charset=utf-8')
    expect(response.headers.get('etag')).toMatch(/^"a-[0-9a-f]+"$/)
    expect(await response.text()).toBe('')
  })

  test.each([
    '/.env',
    '/%2eenv',
    '/.git/config',
    '/rip-server.config.ts',
    '/Rip-Server.Config.ts',
    '/rip-server%2econfig.ts',
    '/.well-known/../.env',
    '/.well-known/.env',
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/docs%2findex.html',
    '//hello.txt',
    '/hello.txt%00.html',
    '/%ff',
    '/link.txt',
    '/linked/secret.txt',
    '/hello.txt/x',
    `/${'x'.repeat(300)}`,
  ])('never lead out of their folder, nor to what is hidden: %s', async (path) => {
    using outside = new Folder({ 'secret.txt': 'secret', 'public/index.html': '' })
    using _folder = new Folder()
    const folder = outside.file('public')
    for (const [name, text] of Object.entries(files)) outside.write(`public/${name}`, text)
    symlinkSync(outside.file('secret.txt'), `${folder}/link.txt`)
    symlinkSync(outside.path, `${folder}/linked`)
    await using worker = await LocalWorker.serve({ ...answering(), static: [{ at: '/', folder }] })
    const response = await rawGet(worker.socket, path)
    expect(response).toMatch(/\r\n\r\n[^]*app |^HTTP\/1.1 400/)
    expect(response).not.toMatch(/secret$|SECRET|0123|docs$/)
  })

  test('a file that is replaced by a link out of the folder is not served any more', async () => {
    using outside = new Folder({ 'secret.txt': 'secret', 'public/a.txt': 'a' })
    await using worker = await LocalWorker.serve({
      ...answering(),
      static: [{ at: '/', folder: outside.file('public') }],
    })
    expect(await textOf(worker, '/a.txt')).toBe('a')
    expect(await textOf(worker, '/a.txt')).toBe('a')
    rmSync(outside.file('public/a.txt'))
    symlinkSync(outside.file('secret.txt'), outside.file('public/a.txt'))
    expect(await textOf(worker, '/a.txt')).toBe('app /a.txt')
  })

  test('a link within the folder is followed, and .well-known is not hidden', async () => {
    using folder = new Folder(files)
    symlinkSync('hello.txt', folder.file('again.txt'))
    await using worker = await serve(folder)
    expect(await textOf(worker, '/again.txt')).toBe('0123456789')
    expect(await textOf(worker, '/.well-known/acme/token')).toBe('token')
  })

  test('a copy that is still good is not sent again', async () => {
    using folder = new Folder(files)
    await using worker = await serve(folder)
    const first = await worker.fetch('/hello.txt')
    const [etag, date] = [first.headers.get('etag') ?? '', first.headers.get('last-modified') ?? '']
    const conditions: readonly (readonly [string, string, number])[] = [
      ['if-none-match', etag, 304],
      ['if-none-match', `"x", W/${etag}`, 304],
      ['if-none-match', '*', 304],
      ['if-none-match', '"x"', 200],
      ['if-modified-since', date, 304],
      ['if-modified-since', 'Thu, 01 Jan 1970 00:00:00 GMT', 200],
      ['if-modified-since', 'yesterday', 200],
    ]
    for (const [name, value, status] of conditions) {
      const response = await worker.fetch('/hello.txt', { headers: { [name]: value } })
      expect({ name, value, status: response.status }).toEqual({ name, value, status })
      expect(await response.text()).toBe(status === 304 ? '' : '0123456789')
      expect(response.headers.get('etag')).toBe(etag)
    }
    writeFileSync(folder.file('hello.txt'), 'changed')
    const changed = await worker.fetch('/hello.txt', { headers: { 'if-none-match': etag } })
    expect(await changed.text()).toBe('changed')
  })

  test('If-None-Match decides where both conditions are given', async () => {
    using folder = new Folder(files)
    await using worker = await serve(folder)
    const date = (await worker.fetch('/hello.txt')).headers.get('last-modified') ?? ''
    const headers = { 'if-none-match': '"x"', 'if-modified-since': date }
    expect((await worker.fetch('/hello.txt', { headers })).status).toBe(200)
  })

  test.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-30', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=8-100', 206, '89', 'bytes 8-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=-0', 416, '', 'bytes */10'],
    ['bytes=4-2', 200, '0123456789', null],
    ['bytes=0-1,3-4', 200, '0123456789', null],
    ['lines=0-1', 200, '0123456789', null],
  ])('a part is sent: %s', async (range, status, text, contentRange) => {
    using folder = new Folder(files)
    await using worker = await serve(folder)
    const response = await worker.fetch('/hello.txt', { headers: { range } })
    expect(response.status).toBe(status)
    expect(await response.text()).toBe(text)
    expect(response.headers.get('content-range')).toBe(contentRange)
  })

  test('a download goes on only where the file is still the same', async () => {
    using folder = new Folder(files)
    await using worker = await serve(folder)
    const { headers } = await worker.fetch('/hello.txt')
    const [etag, date] = [headers.get('etag') ?? '', headers.get('last-modified') ?? '']
    const part = async (condition: string): Promise<string> =>
      await textOf(worker, '/hello.txt', { headers: { range: 'bytes=2-4', 'if-range': condition } })
    expect(await part(etag)).toBe('234')
    expect(await part(date)).toBe('234')
    expect(await part('"other"')).toBe('0123456789')
    expect(await part(`W/${etag}`)).toBe('0123456789')
    expect(await part('Thu, 01 Jan 1970 00:00:00 GMT')).toBe('0123456789')
  })

  test.each([
    ['br, gzip', 'br', 'br'],
    ['gzip, br;q=0', 'gz', 'gzip'],
    ['*', 'br', 'br'],
    ['identity', 'plain', null],
    ['br;q=0, *;q=0', 'plain', null],
  ])('a compressed copy beside the file is sent to who takes it: %s', async (accepted, text, coding) => {
    using folder = new Folder(files)
    await using worker = await serve(folder)
    const response = await rawGet(worker.socket, '/app.js', `Accept-Encoding: ${accepted}\r\n`)
    expect(response.split('\r\n\r\n')[1]).toBe(text)
    expect(/^content-encoding: (.*)\r$/im.exec(response)?.[1] ?? null).toBe(coding)
    expect(response).toMatch(/^vary: Accept-Encoding\r$/im)
    expect(response).toMatch(/^content-type: text\/javascript/im)
  })

  test('names with a hash are kept for a year, others are compared each time', async () => {
    using folder = new Folder(files)
    await using worker = await serve(folder)
    const kept = async (path: string): Promise<string | null> =>
      (await worker.fetch(path)).headers.get('cache-control')
    expect(await kept('/assets/app-DiwrgTd4.js')).toBe('public, max-age=31536000, immutable')
    expect(await kept('/assets/logo.1f6b2c3d.svg')).toBe('public, max-age=31536000, immutable')
    expect(await kept('/assets/report-20241231.pdf')).toBe('no-cache')
    expect(await kept('/about.html')).toBe('no-cache')
  })

  test('a folder below a path, one after the other, and paths that never change', async () => {
    using first = new Folder({ 'a.txt': 'first' })
    using second = new Folder({ 'a.txt': 'second', 'b.txt': 'second b' })
    await using worker = await serve(first, {
      static: [
        { at: '/x', folder: first.path, immutable: ['/x/'] },
        { at: '/x', folder: second.path },
        { at: '/y', folder: first.file('gone') },
      ],
    })
    expect(await textOf(worker, '/x/a.txt')).toBe('first')
    expect((await worker.fetch('/x/a.txt')).headers.get('cache-control')).toContain('immutable')
    expect(await textOf(worker, '/x/b.txt')).toBe('second b')
    expect(await textOf(worker, '/xa.txt')).toBe('app /xa.txt')
    expect(await textOf(worker, '/x')).toBe('app /x')
    expect(await textOf(worker, '/y/a.txt')).toBe('app /y/a.txt')
  })

  test('a folder of a page gets its slash, and where pages are off nothing is guessed', async () => {
    using folder = new Folder(files)
    await using worker = await serve(folder)
    const response = await worker.fetch('/docs?a=1', { redirect: 'manual' })
    expect([response.status, response.headers.get('location')]).toEqual([308, '/docs/?a=1'])
    await using below = await serve(folder, { static: [{ at: '/manual', folder: folder.file('docs') }] })
    const mounted = await below.fetch('/manual?a=1', { redirect: 'manual' })
    expect([mounted.status, mounted.headers.get('location')]).toEqual([308, '/manual/?a=1'])
    folder.write('docs.html', 'beside the folder')
    expect(await textOf(below, '/manual/')).toBe('docs')
    expect((await below.fetch('/manual', { redirect: 'manual' })).status).toBe(308)
    folder.write('about/team.html', 'team')
    expect(await textOf(worker, '/about')).toBe('about')
    expect(await textOf(worker, '/about/team')).toBe('team')
    expect(await textOf(worker, '/assets')).toBe('app /assets')
    await using plain = await serve(folder, { static: [{ at: '/', folder: folder.path, pages: false }] })
    for (const path of ['/', '/about', '/docs', '/docs/'])
      expect(await textOf(plain, path)).toBe(`app ${path}`)
    expect(await textOf(plain, '/about.html')).toBe('about')
  })

  test('a large file arrives whole', async () => {
    using folder = new Folder()
    const content = 'x'.repeat(3_000_000)
    writeFileSync(folder.file('large.bin'), content)
    await using worker = await serve(folder)
    expect((await textOf(worker, '/large.bin')) === content).toBe(true)
    const part = await textOf(worker, '/large.bin', { headers: { range: 'bytes=1000000-' } })
    expect(part.length).toBe(2_000_000)
  })

  test('a file added later is found, one that is removed is not, and development keeps none', async () => {
    using folder = new Folder(files)
    await using worker = await serve(folder, { mode: 'development' })
    folder.write('new.txt', 'new')
    rmSync(folder.file('hello.txt'))
    expect(await textOf(worker, '/new.txt')).toBe('new')
    expect(await textOf(worker, '/hello.txt')).toBe('app /hello.txt')
    expect((await worker.fetch('/assets/app-DiwrgTd4.js')).headers.get('cache-control')).toBe('no-cache')
  })
})

describe('files without an application', () => {
  const page = { accept: 'text/html,*/*;q=0.8' }

  test('a browser that navigates gets the page, a script that is missing does not', async () => {
    using folder = new Folder(files)
    await using worker = await LocalWorker.serve({ static: [{ at: '/', folder: folder.path }] })
    const asked = async (path: string, init: RequestInit): Promise<readonly [number, string]> => {
      const response = await worker.fetch(path, init)
      return [response.status, await response.text()]
    }
    const home = '<h1>home</h1>'
    expect(await asked('/users/7', { headers: page })).toEqual([200, home])
    expect(await asked('/users/7', { headers: { ...page, 'sec-fetch-mode': 'navigate' } })).toEqual([
      200,
      home,
    ])
    expect(await asked('/users/7', { headers: { ...page, 'sec-fetch-mode': 'cors' } })).toEqual([
      404,
      'Not Found\n',
    ])
    expect(await asked('/assets/gone.js', { headers: { accept: '*/*' } })).toEqual([404, 'Not Found\n'])
    expect(await asked('/users/7', { headers: page, method: 'POST' })).toEqual([404, 'Not Found\n'])
    expect(await asked('/.env', { headers: { accept: '*/*' } })).toEqual([404, 'Not Found\n'])
  })

  test('a site with a 404.html has no page for every path', async () => {
    using folder = new Folder({ ...files, '404.html': 'no such page' })
    await using worker = await LocalWorker.serve({ static: [{ at: '/', folder: folder.path }] })
    const response = await worker.fetch('/users/7', { headers: { ...page, 'if-none-match': '*' } })
    expect([response.status, await response.text()]).toEqual([404, 'no such page'])
  })
})

test('a request for a WebSocket goes to the application, whatever file has its path', async () => {
  using folder = new Folder(files)
  await using worker = await LocalWorker.serve({
    fetch: (request, context) =>
      context.upgrade(request) ? (undefined as never) : new Response('not upgraded'),
    websocket: { message: () => {} },
    static: [{ at: '/', folder: folder.path }],
  })
  const url = `ws+unix://${worker.socket}:/`
  const socket = new WebSocket(url)
  const opened = Promise.withResolvers<string>()
  socket.onopen = () => opened.resolve('open')
  socket.onerror = () => opened.resolve('error')
  expect(await opened.promise).toBe('open')
  socket.close()
  expect(await textOf(worker, '/')).toBe('<h1>home</h1>')
})

test('a route of the application comes before the files, and the files before its fetch', async () => {
  using folder = new Folder(files)
  await using worker = await LocalWorker.serve({
    fetch: application,
    routes: { '/hello.txt': () => new Response('route') },
    static: [{ at: '/', folder: folder.path }],
  })
  expect(await textOf(worker, '/hello.txt')).toBe('route')
  expect(await textOf(worker, '/about.html')).toBe('about')
})

test('a file that may not be read is the application’s business, as is one whose time lies in the future', async () => {
  using folder = new Folder(files)
  utimesSync(folder.file('about.html'), new Date(4e12), new Date(4e12))
  mkdirSync(folder.file('locked'))
  chmodSync(folder.file('locked'), 0)
  await using worker = await LocalWorker.serve({
    fetch: application,
    static: [{ at: '/', folder: folder.path }],
  })
  expect(await textOf(worker, '/locked/a.txt')).toBe('app /locked/a.txt')
  expect((await worker.fetch('/about')).status).toBe(200)
  chmodSync(folder.file('locked'), 0o700)
})

test.each([
  ['public', { at: '/', folder: 'public' }],
  ['/srv/public', { at: '/', folder: '/srv/public' }],
  ['/assets=dist', { at: '/assets', folder: 'dist' }],
  ['/assets/=/srv/a=b', { at: '/assets', folder: '/srv/a=b' }],
  ['/=/srv/a=b', { at: '/', folder: '/srv/a=b' }],
  ['', undefined],
  ['/assets=', undefined],
  ['/a//b=x', undefined],
  ['/../a=x', undefined],
])('a folder is written as %j', (text, expected) => {
  const read = readStaticFolder(text)
  expect(read).toEqual(expected as never)
  if (read !== undefined) expect(readStaticFolder(staticFolderText(read))).toEqual(read)
})

async function textOf(worker: LocalWorker, path: string, init: RequestInit = {}): Promise<string> {
  return await (await worker.fetch(path, init)).text()
}

/** Sends the path as it is, without what a client makes of it. */
async function rawGet(unix: string, path: string, fields = ''): Promise<string> {
  const received = Promise.withResolvers<string>()
  let text = ''
  await Bun.connect({
    unix,
    socket: {
      open: (socket) =>
        void socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n`),
      data: (_socket, bytes) => void (text += bytes.toString()),
      close: () => received.resolve(text),
      error: (_socket, error) => received.reject(error),
    },
  })
  return await received.promise
}

test.each([
  ['index-DiwrgTd4.js', true],
  ['index-C-f8_aZ1.css', true],
  ['BX7ZcKq2.js', true],
  ['4bd1b696-182b6b13.js', true],
  ['main.8f3a1b2c9d0e4f5a6b7c.css.map', true],
  ['photo-20240131.jpg', false],
  ['logo-MyCompany.png', false],
  ['app.component.js', false],
  ['deadbeef.txt', false],
  ['jquery-3.7.1.min.js', false],
  ['1f6b2c3d', false],
])('%s has a hash in its name: %p', (name, expected) => {
  expect(isHashedName(`/assets/${name}`)).toBe(expected)
})
