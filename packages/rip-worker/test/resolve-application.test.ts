import { afterEach, describe, expect, test } from 'bun:test'
import { createServer } from 'node:http'
import { HANDLER_SYMBOL, resolveApplication } from '../src/index.ts'

const globals = globalThis as Record<symbol, unknown>

afterEach(() => {
  delete globals[HANDLER_SYMBOL]
})

const answering = (text: string) => (): Response => new Response(text)

async function answerOf(exports: Record<string, unknown>): Promise<string> {
  const { fetch } = await resolveApplication(exports, '/app.ts')
  const response = await fetch?.(new Request('http://x/'), {} as never, {} as never)
  return response === undefined ? 'no fetch' : response.text()
}

test('CommonJS that exports nothing is refused as such, in any form the loader gives it', async () => {
  for (const exports of [{}, { default: {}, __esModule: true }]) {
    const error: unknown = await resolveApplication(exports, '/app.js').catch((thrown: unknown) => thrown)
    expect(String(error)).toContain('it exports nothing')
  }
})

test('an exported Fastify is its server, once its plugins and the application are ready', async () => {
  const server = createServer(() => {})
  const done: string[] = []
  const fastify = { server, routing() {}, ready: async () => void done.push('plugins') }
  const ready = (): unknown => done.push('own hook')
  const application = await resolveApplication({ default: fastify, ready }, '/app.ts')
  expect(application.nodeServer).toBe(server)
  await application.ready?.()
  expect(done).toEqual(['plugins', 'own hook'])
})

describe('the handler', () => {
  const everything = {
    default: Object.assign(answering('default function'), { fetch: answering('default.fetch') }),
    fetch: answering('named fetch'),
  }

  test.each([
    ['a default function comes first', everything, 'default function'],
    [
      'then default.fetch',
      {
        ...everything,
        default: { fetch: answering('default.fetch'), handler: answering('default.handler') },
      },
      'default.fetch',
    ],
    [
      'then a named fetch',
      { ...everything, default: { handler: answering('default.handler') } },
      'named fetch',
    ],
    ['then default.handler', { default: { handler: answering('default.handler') } }, 'default.handler'],
  ])('%s', async (_, exports, answer) => {
    globals[HANDLER_SYMBOL] = answering('left behind')
    expect(await answerOf(exports)).toBe(answer)
  })

  test.each([
    ['a function', answering('left behind')],
    ['an object with fetch', { text: 'left behind', fetch: (): Response => new Response('left behind') }],
  ])('last of all, %s a framework left on the symbol', async (_, left) => {
    globals[HANDLER_SYMBOL] = left
    expect(await answerOf({ other: 1 })).toBe('left behind')
  })

  test('methods stay bound to their object', async () => {
    const app = {
      text: 'bound',
      fetch(): Response {
        return new Response(this.text)
      },
    }
    expect(await answerOf({ default: app })).toBe('bound')
  })
})

describe('names on instances with another meaning', () => {
  class Framework {
    routes = [{ method: 'GET', path: '/' }]
    fetch(): Response {
      return new Response('framework')
    }
    error(): this {
      return this
    }
  }

  test("neither `routes` nor `error` of a framework counts as Bun's", async () => {
    const application = await resolveApplication({ default: new Framework() }, '/app.ts')
    expect(Object.keys(application)).toEqual(['fetch'])
  })

  test("on a plain object they are Bun's", async () => {
    const main = { routes: { '/': new Response() }, error: () => new Response(), websocket: { message() {} } }
    const application = await resolveApplication({ default: main }, '/app.ts')
    expect(Object.keys(application).toSorted()).toEqual(['error', 'fetch', 'routes', 'websocket'])
  })
})

test('a handler of an object that listens as well, such as Polka, is a listener of node:http', async () => {
  const polka = {
    text: 'bound',
    handler(_incoming: unknown, _outgoing: unknown): string {
      return this.text
    },
    listen() {},
  }
  const named = { handler: (req: unknown, res: unknown): unknown => [req, res] }
  const { listener, fetch } = await resolveApplication({ default: polka }, '/app.ts')
  expect([listener?.(null as never, null as never), fetch]).toEqual(['bound', undefined])
  expect(Object.keys(await resolveApplication({ default: named }, '/app.ts'))).toEqual(['listener'])
})

describe('what builds of frameworks export', () => {
  const listener = (req: unknown, res: unknown): unknown => [req, res]
  const next = async (_request: unknown, _response: unknown, _next: unknown): Promise<void> => {}

  test.each([
    [
      'of Astro, whose parameters have no names',
      { handler: (): void => {}, options: { mode: 'middleware' }, startServer() {} },
    ],
    ['of SvelteKit for Node.js', { handler: next }],
    ['of SvelteKit for Node.js before its version 6', { handler: listener, path: false }],
  ])('a handler %s is a listener of node:http', async (_, exports) => {
    const application = await resolveApplication(exports, '/build/handler.js')
    expect(application).toEqual({ listener: exports.handler as never })
  })

  test.each([
    [
      'the event of a serverless function',
      { handler: (event: unknown, context: unknown) => [event, context] },
    ],
    ['one value', { handler: (request: Request) => new Response(request.url) }],
    [
      'anything, beside half of what Astro exports',
      { handler: (): void => {}, options: { mode: 'middleware' } },
    ],
  ])('a handler that takes %s is none', async (_, exports) => {
    const error: unknown = await resolveApplication(exports, '/app.ts').catch((thrown: unknown) => thrown)
    expect(String(error)).toContain('there is no default export, other exports are handler')
  })

  test('getHandler() of SvelteKit for Bun gives fetch, and WebSockets where there are any', async () => {
    const websocket = { message() {} }
    const fetch = answering('sveltekit')
    expect(await answerOf({ getHandler: () => ({ fetch, websocket: undefined }) })).toBe('sveltekit')
    const application = await resolveApplication({ getHandler: () => ({ fetch, websocket }) }, '/handler.js')
    expect(application).toEqual({ fetch, websocket })
  })

  test('a getHandler that needs something, has neighbours, or gives no fetch is not called for one', async () => {
    for (const exports of [
      { getHandler: (name: string) => ({ fetch: answering(name) }) },
      { getHandler: () => ({ fetch: answering('') }), other: 1 },
      { getHandler: () => undefined },
    ]) {
      const error: unknown = await resolveApplication(exports, '/app.ts').catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'RIP_APP_NO_HANDLER' })
    }
  })

  test('a default function with the parameters of node:http is a listener, any other answers by itself', async () => {
    const named = async function handle(request: unknown, response: unknown): Promise<unknown> {
      return [request, response]
    }
    const bun = (request: Request, server: object): Response => Response.json([request.url, server])
    for (const main of [listener, named])
      expect(await resolveApplication({ default: main }, '/app.ts')).toEqual({ listener: main as never })
    expect(await resolveApplication({ default: bun }, '/app.ts')).toEqual({ fetch: bun as never })
  })
})

test('hooks are named exports', async () => {
  const exports = { default: { fetch: answering(''), ready: 1, close: 1 }, ready: () => 1, close: () => 2 }
  const { ready, close } = await resolveApplication(exports, '/app.ts')
  expect([ready, close]).toEqual([exports.ready, exports.close])
})

describe('without a handler the error names what was found', () => {
  class App {
    fetch(): Response {
      return new Response()
    }
  }

  test.each([
    ['nothing', {}, 'it exports nothing, opens no server, and no framework left a handler'],
    ['a start() that keeps its handler to itself', {}, "globalThis[Symbol.for('rip.handler')] can"],
    ['other names', { a: 1, b: 2 }, 'there is no default export, other exports are a, b'],
    ['null', { default: null }, 'the default export is null'],
    ['a string', { default: 'text' }, 'the default export is of type string'],
    ['an empty object', { default: {} }, 'an object with no properties'],
    ['a misspelt name', { default: { port: 3000, fecth: 1 } }, 'an object with port, fecth'],
    ['a class', { default: App }, 'is the class App, not an instance of it'],
  ])('%s', async (_, exports, found) => {
    const error = await resolveApplication(exports, '/srv/app.ts').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'RIP_APP_NO_HANDLER' })
    expect(String(error)).toContain(`/srv/app.ts has no request handler: `)
    expect(String(error)).toContain(found)
  })
})
