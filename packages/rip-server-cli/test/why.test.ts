import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseCommandLine } from '../src/command-line/command-line.ts'
import { why } from '../src/commands/why.ts'
import { type FileAccount, fileAccountRows } from '../src/inspection/file-account.ts'
import { importChain } from '../src/inspection/import-chain.ts'
import { processTerminal } from '../src/terminal/terminal.ts'

let folder: string

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'rip-why-')))
  const files = {
    'shop/app.ts': `import './lib/a'\nexport default { fetch: () => new Response('') }\n`,
    'shop/lib/a.ts': `import './prices.rip'\nimport '../../shared/b'\nexport * as x from 'pack'\n`,
    'shop/lib/prices.rip': `import { x } from './c.js'\nexport y = x\n`,
    'shop/lib/c.js': 'export const x = 1\n',
    'shop/lib/lonely.ts': '',
    'shop/node_modules/pack/package.json': '{ "main": "index.js" }',
    'shop/node_modules/pack/index.js': 'require("./deep")\n',
    'shop/node_modules/pack/deep.js': '',
    'shop/node_modules/pack/unused.js': '',
    'shop/public/logo.svg': '<svg/>',
    'shop/debug.log': '',
    'shop/.env': '',
    'shop/.env.production': '',
    'shared/b.ts': '',
    'shared/unused.ts': '',
    'shop/package.json': '{}',
  }
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
})

afterAll(() => rmSync(folder, { recursive: true }))

async function account(file: string, cwd = 'shop'): Promise<FileAccount> {
  let text = ''
  const terminal = {
    ...processTerminal({ quiet: false, color: false }),
    data: (line: string) => (text += line),
  }
  const line = parseCommandLine(['why', file, '--json'])
  const env = { XDG_RUNTIME_DIR: join(folder, 'run') }
  expect(await why({ line, terminal, cwd: join(folder, cwd), env })).toBe(0)
  return JSON.parse(text) as FileAccount
}

const chainOf = (found: FileAccount): string =>
  (found.importedBy ?? []).map((path) => path.replace(`${folder}/`, '')).join(' < ')

describe('why', () => {
  test.each([
    ['app.ts', true, 'shop/app.ts'],
    ['lib/c.js', true, 'shop/app.ts < shop/lib/a.ts < shop/lib/prices.rip < shop/lib/c.js'],
    ['../shared/b.ts', true, 'shop/app.ts < shop/lib/a.ts < shared/b.ts'],
    [
      'node_modules/pack/deep.js',
      true,
      'shop/app.ts < shop/lib/a.ts < shop/node_modules/pack/index.js < shop/node_modules/pack/deep.js',
    ],
    ['node_modules/pack/unused.js', false, ''],
    ['../shared/unused.ts', false, ''],
    ['lib/lonely.ts', true, ''],
    ['public/logo.svg', true, ''],
    ['debug.log', false, ''],
    ['.env', true, ''],
    ['.env.production', false, ''],
    ['lib/new.ts', true, ''],
  ])('%s', async (file, counts, chain) => {
    const found = await account(file)
    expect([found.counts, chainOf(found)]).toEqual([counts, chain])
  })

  test('finds the application of a file that is elsewhere', async () => {
    const found = await account('../shop/node_modules/pack/deep.js', 'shared')
    expect([found.root, found.counts]).toEqual([join(folder, 'shop'), true])
  })

  test('says what the configuration, variables and static files are', async () => {
    writeFileSync(join(folder, 'shop/rip-server.config.ts'), `export default { static: ['/img=public'] }\n`)
    try {
      expect((await account('public/logo.svg')).roles).toEqual([
        'static: answers /img/logo.svg as it is on disk',
      ])
      expect((await account('rip-server.config.ts')).roles).toEqual([
        expect.stringMatching(/^the configuration: /),
      ])
      expect((await account('.env')).roles).toEqual([expect.stringMatching(/^variables: /)])
      expect((await account('.env.production')).roles).toEqual([])
    } finally {
      rmSync(join(folder, 'shop/rip-server.config.ts'))
    }
  })
})

describe('the account of a file', () => {
  const rows = (account: Partial<FileAccount>): string =>
    fileAccountRows({
      path: 'x.ts',
      root: '/srv/shop',
      what: 'file',
      counts: false,
      isImported: false,
      roles: [],
      ...account,
    })
      .map((row) => row.join(': '))
      .join('\n')
  const server = { name: 'shop', isWatching: true }

  test('tells what a change does', () => {
    expect(rows({ counts: true, server })).toContain('a change: reloads shop, which watches its files')
    expect(rows({ counts: true, server: { ...server, isWatching: false } })).toContain(
      '"rip-server reload" takes it up',
    )
    expect(rows({ counts: true })).toContain('reloads in development')
    expect(rows({ path: 'node_modules/x.js', counts: true, server })).toContain('every few seconds')
    expect(rows({ server })).toContain('reloads nothing')
  })

  test('tells why it is part of the generation or not, and what to do instead', () => {
    const ignored = { kind: 'ignored', path: 'gen', rule: 'gen/', from: '.gitignore' } as const
    expect(rows({ obstacle: ignored })).toContain(
      'generation: no part of it: "gen/" in .gitignore ignores gen\ninstead: import it from code, or change .gitignore',
    )
    expect(
      rows({ obstacle: ignored, counts: true, isImported: true, importedBy: ['a', 'x'], importerCount: 3 }),
    ).toContain(
      'code imports it, although "gen/" in .gitignore ignores gen\nimported: a → x; 2 other modules import it',
    )
    expect(rows({ what: 'nothing', obstacle: { kind: 'outside' } })).toContain(
      'would be no part of it: it is outside of /srv/shop',
    )
    expect(rows({ obstacle: { kind: 'written', path: 'x.ts' } })).toContain('rip-server restart --manager')
    expect(rows({ obstacle: { kind: 'behind-link', path: 'l' } })).toContain('l is a link')
    expect(rows({ obstacle: { kind: 'large', bytes: 6e6, maxBytes: 5_242_880 } })).toContain(
      'with 6 MiB it is larger than 5 MiB',
    )
    expect(rows({ obstacle: { ...ignored, from: 'this server' } })).toContain(
      'the rule "gen/" of this server ignores gen',
    )
    expect(rows({ what: 'folder', counts: true })).not.toContain('a change')
    expect(rows({ counts: true, importsUnknown: 'it is a command' })).toContain(
      'imported: not known: it is a command',
    )
  })
})

test('the way to a file is the shortest, also through modules that import each other', () => {
  const importers = new Map([
    ['c', new Set(['b', 'd'])],
    ['b', new Set(['a', 'c'])],
    ['d', new Set(['b'])],
    ['e', new Set(['f'])],
    ['f', new Set(['e'])],
  ])
  expect(importChain(importers, ['a'], 'c')).toEqual(['a', 'b', 'c'])
  expect(importChain(importers, ['a'], 'e')).toBeUndefined()
  expect(importChain(importers, ['a'], 'a')).toEqual(['a'])
})
