import { describe, expect, test } from 'bun:test'
import { symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describeFailure } from '../src/serve/failure.ts'
import { OWN_FOLDER } from '../src/own-folder.ts'
import { Folder, LocalWorker, Supervised } from './helpers.ts'

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
const JSON_CLIENT = { accept: 'application/json' }

const APP = `interface Row { id: number }

export default (request: Request) => {
  if (request.url.endsWith('/value')) throw { odd: true }
  if (request.url.endsWith('/nothing')) return undefined
  return find({ id: 7 })
}

function find(row: Row) {
  throw new Error('no <b>row</b> 7', { cause: new RangeError('out of rows') })
}
`

describe('the log', () => {
  test('has the frames of the application alone, by the names that Node.js gives', async () => {
    const app = `
find = -> throw new Error 'no row', { cause: new RangeError 'out of rows' }
export default (request) ->
  await Bun.sleep 0 if request.url.endsWith '/late'
  find()
`
    await using supervised = new Supervised(new Folder({ 'app.rip': app }))
    await supervised.received('ready')
    for (const path of ['/', '/late']) await supervised.fetch(path)
    const { stderr } = supervised.program
    const frames = stderr.split('\n').filter((line) => /^ +at /.test(line))
    expect(frames.length).toBe(8)
    expect(frames.filter((line) => !line.includes('app.rip:'))).toEqual([])
    expect(stderr).toMatch(/^ +at default \(.*app\.rip:5:\d+\)$/m)
  })

  test('has our frames, too, where none of the application is above them', async () => {
    const own = new Error('ours')
    own.stack = `Error: ours\n    at serve (${OWN_FOLDER}serve/worker.ts:1:1)`
    expect(describeFailure(own)).toContain('serve/worker.ts')
  })
})

describe('in development', () => {
  const env = { RIP_MODE: 'development' }

  test('a browser gets the source, the causes and the request, with nothing unescaped or secret', async () => {
    await using supervised = new Supervised(new Folder({ 'app.ts': APP }), { env })
    await supervised.received('ready')
    const headers = { ...HTML, cookie: 'session=topsecret', 'x-api-key': 'k-123', 'x-request-id': 'r-42' }
    const response = await supervised.fetch('/page?q=<script>', { headers })
    const page = await response.text()
    expect([response.status, response.headers.get('content-type')]).toEqual([500, 'text/html; charset=utf-8'])
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(page).toContain('no &lt;b&gt;row&lt;/b&gt; 7')
    expect(page).toContain('app.ts:10:')
    expect(page).toContain('<span class="marked">&gt; 10 |   throw new Error(')
    expect(page).toContain('caused by')
    expect(page).toContain('out of rows')
    expect(page).toContain('r-42')
    expect(page).not.toContain('<script')
    for (const secret of ['topsecret', 'k-123']) expect(page).not.toContain(secret)
  })

  test('a JSON client gets JSON, curl gets text', async () => {
    await using supervised = new Supervised(new Folder({ 'app.ts': APP }), { env })
    await supervised.received('ready')
    const json = (await (await supervised.fetch('/', { headers: JSON_CLIENT })).json()) as Record<
      string,
      unknown
    >
    expect(json).toMatchObject({
      error: 'no <b>row</b> 7',
      failure: { position: { line: 10 }, cause: { name: 'RangeError' } },
    })
    const text = await (await supervised.fetch('/', { headers: { accept: '*/*' } })).text()
    expect(text).toContain('Error: no <b>row</b> 7')
    expect(text).toContain('> 10 |   throw new Error(')
    expect(text).toContain('caused by RangeError: out of rows')
  })

  describe('a message that looks like a place in the code shows nothing of that file:', () => {
    const app = `import { chdir } from 'node:process'
export default (request: Request) => {
  const { searchParams } = new URL(request.url)
  if (searchParams.has('chdir')) chdir('/')
  const error = new Error('no product ' + searchParams.get('id'))
  if (searchParams.has('changed')) error.message = 'changed'
  throw searchParams.has('cause') ? new Error('x', { cause: error }) : error
}
`
    const asked = async (query: string, at = 'secret.txt'): Promise<string> => {
      using outside = new Folder({ 'secret.txt': 'TOP-SECRET' })
      using root = new Folder({ 'app.ts': app, '.env': 'TOP-SECRET' })
      symlinkSync(join(outside.path, 'secret.txt'), join(root.path, 'link.txt'))
      await using supervised = new Supervised(root, { env })
      await supervised.received('ready')
      const file = at === 'secret.txt' ? join(outside.path, at) : join(root.path, at)
      const id = encodeURIComponent(`7\n    at x (${file}:1:1)`)
      return await (await supervised.fetch(`/?id=${id}&${query}`, { headers: HTML })).text()
    }

    test.each(['', 'chdir', 'changed', 'cause'])('outside of the application (%s)', async (query) => {
      const page = await asked(query)
      expect(page).not.toContain('TOP-SECRET')
      expect(page).toContain('&gt; 5 |   const error = new Error(')
    })

    test.each(['.env', 'link.txt'])('%s', async (name) => {
      expect(await asked('changed', name)).not.toContain('TOP-SECRET')
    })
  })

  test('a handler that returns no Response gets an explanation', async () => {
    await using supervised = new Supervised(new Folder({ 'app.ts': APP }), { env })
    await supervised.received('ready')
    const text = await (await supervised.fetch('/nothing')).text()
    expect(text).toContain('the handler returned nothing instead of a Response')
    expect(await (await supervised.fetch('/value')).text()).toContain('odd: true')
  })

  test('an exception in a .rip file shows the line of the .rip file', async () => {
    const app = join(import.meta.dir, 'fixtures', 'apps', 'function.rip')
    await using supervised = new Supervised(new Folder(), { args: [app], env, cwd: dirname(app) })
    await supervised.received('ready')
    const page = await (await supervised.fetch('/boom', { headers: HTML })).text()
    expect(page).toContain('answer.rip:20:')
    expect(page).toContain('<span class="marked">&gt; 20 |     when &#39;/boom&#39; then throw new Error')
  })
})

describe('in production', () => {
  test.each([
    [HTML, 'text/html; charset=utf-8'],
    [JSON_CLIENT, 'application/json'],
    [{ accept: '*/*' }, 'text/plain; charset=utf-8'],
  ])('%j gets a short page with the request id; the details are only in the log', async (accept, type) => {
    await using local = await LocalWorker.serve({
      fetch: () => {
        throw new Error('password is hunter2')
      },
    })
    const response = await local.fetch('/secret', { headers: { ...accept, 'x-request-id': 'r-9' } })
    const page = await response.text()
    expect([response.status, response.headers.get('content-type')]).toEqual([500, type])
    expect(page).toContain('r-9')
    expect(page).not.toContain('hunter2')
    expect(local.log).toHaveLength(1)
    expect(local.log[0]).toContain('GET http://app.test/secret failed (request r-9)')
    expect(local.log[0]).toContain('password is hunter2')
  })
})

describe('what a handler returns or throws', () => {
  test.each([
    ['a string', () => 'text', 'a string ("text")'],
    ['a number', () => 42, 'a number (42)'],
    ['null', () => null, 'null'],
    ['an object', () => ({ id: 1 }), 'an object of type Object'],
    ['nothing, later', async () => {}, 'nothing'],
  ])('%s instead of a Response is a 500 that says so in the log', async (_, handler, returned) => {
    await using local = await LocalWorker.serve({ fetch: handler as unknown as () => Response })
    expect((await local.fetch('/')).status).toBe(500)
    expect(local.log[0]).toContain(`the handler returned ${returned} instead of a Response`)
  })

  test.each([
    ['a Response that was sent before', new Response('once'), 'already read or sent'],
    ['Response.error()', Response.error(), 'has no status'],
  ])('%s is a 500 that says so in the log', async (_, response, message) => {
    await using local = await LocalWorker.serve({ fetch: () => response })
    await local.fetch('/')
    expect((await local.fetch('/')).status).toBe(500)
    expect(local.log.at(-1)).toContain(message)
  })

  test('an allocation that the runtime refuses fails one response, not the worker', async () => {
    await using local = await LocalWorker.serve({
      fetch: ({ url }) => new Response(url.endsWith('/much') ? 'x'.repeat(2 ** 32) : 'ok'),
    })
    expect((await local.fetch('/much')).status).toBe(500)
    expect(local.log[0]).toContain('memory')
    expect(await (await local.fetch('/')).text()).toBe('ok')
  })

  test('a thrown Response is sent', async () => {
    await using local = await LocalWorker.serve({
      fetch: () => {
        throw new Response('forbidden', { status: 403 })
      },
    })
    expect((await local.fetch('/')).status).toBe(403)
    expect(local.log).toEqual([])
  })

  test("the application's error handler answers instead; when it fails too, its failure is reported", async () => {
    await using local = await LocalWorker.serve({
      fetch: ({ url }) => {
        throw new Error(url.endsWith('/worse') ? 'worse' : 'bad')
      },
      error: (error) => {
        if (error.message === 'worse') throw new Error('even worse')
        return new Response(`handled ${error.message}`, { status: 418 })
      },
    })
    expect(await (await local.fetch('/')).text()).toBe('handled bad')
    expect((await local.fetch('/worse')).status).toBe(500)
    expect(local.log).toHaveLength(1)
    expect(local.log[0]).toContain('even worse')
  })
})
