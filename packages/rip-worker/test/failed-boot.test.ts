import { describe, expect, test } from 'bun:test'
import { Folder, Supervised } from './helpers.ts'

const HELLO = `export default () => new Response('hello')`

describe('an application that cannot be served', () => {
  interface Case {
    readonly files: Readonly<Record<string, string>>
    readonly kind: string
    readonly code: number
    /** Texts that the output must contain. */
    readonly says: readonly string[]
    readonly line?: number
  }

  const cases: Readonly<Record<string, Case>> = {
    'no application': {
      files: { 'readme.md': '' },
      kind: 'not-found',
      code: 4,
      says: ['no application found in'],
    },
    'an entry that is missing': {
      files: { 'package.json': '{ "rip": { "entry": "gone.ts" } }', 'index.ts': HELLO },
      kind: 'not-found',
      code: 4,
      says: ['gone.ts does not exist', 'rip.entry'],
    },
    'a package.json that is no JSON': {
      files: { 'package.json': '{', 'index.ts': HELLO },
      kind: 'not-found',
      code: 4,
      says: ['package.json cannot be read'],
    },
    'a syntax error': {
      files: { 'app.ts': 'const a = 1\nconst b = ;\nexport default () => new Response()' },
      kind: 'compile',
      code: 4,
      says: ['app.ts could not be compiled', '> 2 | const b = ;', '^'],
      line: 2,
    },
    'a syntax error in an imported file': {
      files: { 'app.ts': `import './part.ts'\n${HELLO}`, 'part.ts': '\n\nlet = = 2' },
      kind: 'compile',
      code: 4,
      says: ['part.ts could not be compiled', '> 3 | let = = 2'],
      line: 3,
    },
    'several mistakes in one file': {
      files: { 'app.ts': `import './part.ts'\n${HELLO}`, 'part.ts': '\nconst =' },
      kind: 'compile',
      code: 4,
      says: ['part.ts could not be compiled', '> 2 | const ='],
      line: 2,
    },
    'an exception at import': {
      files: {
        'app.ts': `interface A {}\nthrow new Error('no database', { cause: new TypeError('refused') })`,
      },
      kind: 'import',
      code: 4,
      says: ['could not be loaded: no database', '> 2 | throw new Error', 'caused by TypeError: refused'],
      line: 2,
    },
    'a missing package': {
      files: { 'app.ts': `import 'not-installed-anywhere'\n${HELLO}` },
      kind: 'import',
      code: 4,
      says: [
        "Cannot find package 'not-installed-anywhere'",
        '; to install it: bun add not-installed-anywhere',
      ],
    },
    'a failing candidate is not skipped for the next': {
      files: { 'index.ts': `throw new Error('index is broken')`, 'app.ts': HELLO },
      kind: 'import',
      code: 4,
      says: ['index is broken'],
    },
    'nothing exported': {
      files: { 'app.ts': 'export const handel = 1, other = 2' },
      kind: 'no-handler',
      code: 4,
      says: ['no default export', 'handel, other'],
    },
    'a class instead of an instance': {
      files: { 'app.ts': 'export default class App { fetch() { return new Response() } }' },
      kind: 'no-handler',
      code: 4,
      says: ['is the class App, not an instance'],
    },
    'a second server by Bun.serve': {
      files: {
        'app.ts': `Bun.serve({ port: 4999, fetch: () => new Response() })\nBun.serve({ port: 4998, fetch: () => new Response() })`,
      },
      kind: 'own-port',
      code: 4,
      says: [
        'opens its own server (port 4998) beside the one on port 4999',
        'import.meta.main',
        '> 2 | Bun.serve',
      ],
      line: 2,
    },
    'a second server by node:http, in a module that waits for it for ever': {
      files: {
        'app.ts': `import { createServer } from 'node:http'\ncreateServer(() => {}).listen(4998)\nconst metrics = createServer(() => {})\nawait new Promise((resolve) => metrics.on('error', () => {}).listen(4997, resolve))`,
      },
      kind: 'own-port',
      code: 4,
      says: ['opens its own server (port 4997) beside the one on port 4998', '> 4 | '],
      line: 4,
    },
    'a server beside an exported handler, whose failure would be caught': {
      files: {
        'app.ts': `try { Bun.serve({ port: 4997, fetch: () => new Response() }) } catch {}\n${HELLO}`,
      },
      kind: 'own-port',
      code: 4,
      says: ['opens its own server (port 4997) beside the handler that is exported', '> 1 | try'],
      line: 1,
    },
    'a server that a worker cannot serve': {
      files: {
        'app.ts': `import { createServer } from 'node:net'\ncreateServer(() => {}).listen(4996)\nexport const handel = 1`,
      },
      kind: 'own-port',
      code: 4,
      says: [
        'app.ts listens on ',
        'which a worker cannot serve. Open its server by node:http or Bun.serve',
        'rip-server -- COMMAND',
      ],
    },
    'a start command': {
      files: { 'package.json': '{ "scripts": { "start": "php -S 127.0.0.1:$PORT" } }' },
      kind: 'not-found',
      code: 4,
      says: ['is run by a command, ', 'which a worker alone cannot do: use rip-server start'],
    },
    'a failing ready hook': {
      files: { 'app.ts': `${HELLO}\nexport const ready = async () => { throw new Error('no cache') }` },
      kind: 'ready-hook',
      code: 3,
      says: ["the application's ready() failed: no cache", '> 2 | export const ready'],
      line: 2,
    },
    'an exception in minified code': {
      files: { 'app.js': `${'let a=1;'.repeat(1).padEnd(40_000, ';')}throw new Error('dense')` },
      kind: 'import',
      code: 4,
      says: ['could not be loaded: dense', ";;throw new Error('dense')"],
      line: 1,
    },
    'an error with far more to say than fits into a message': {
      files: { 'app.ts': `throw new Error('much ' + 'x'.repeat(2_000_000))` },
      kind: 'import',
      code: 4,
      says: ['much xxx', 'more characters)'],
    },
    'a stray exception while it boots': {
      files: {
        'app.ts': `setTimeout(() => { throw new Error('stray') }, 1)\nawait Bun.sleep(2000)\n${HELLO}`,
      },
      kind: 'import',
      code: 4,
      says: ['stray'],
    },
  }

  test.each(Object.entries(cases))('%s: told to the supervisor and printed once', async (_, expected) => {
    await using supervised = new Supervised(new Folder(expected.files))
    const { failure } = await supervised.received('failed')
    expect(failure.kind).toBe(expected.kind as typeof failure.kind)
    if (expected.line !== undefined) expect(failure.line).toBe(expected.line)
    expect(await supervised.program.exitCode()).toBe(expected.code)
    const { stderr } = supervised.program
    for (const part of expected.says) expect(stderr).toContain(part)
    expect(failure.frame?.split('\n').every((row) => row.length < 180)).not.toBe(false)
    expect(stderr.split(failure.message)).toHaveLength(2)
    expect(stderr).toStartWith('error: ')
    expect(supervised.message('ready')).toBeUndefined()
  })
})
