import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { selectAdapter } from '@rip/transpile'
import type { ConfigExport } from '../../src/index.ts'
import type { ConfigFile } from '../../../rip-server/src/settings/config-file.ts'
import { resolveSettings } from '../../../rip-server/src/settings/resolve-settings.ts'
import { Sandbox } from '../server.ts'
import { type OurCommand, ourCommand, problemsOf } from './command-problems.ts'
import { anchorsOf, type Block, inlineCommands, linksOf, readPage, readPages, ROOT, titleOf } from './page.ts'
import { shellCommands, typedIn } from './shell-words.ts'
import { dockerfileProblems } from './dockerfile.ts'
import { unitProblems } from './unit-file.ts'

const TEST_TIMEOUT_MS = 60_000
const pages = readPages()
const blocks = pages.flatMap((page) => page.blocks).filter(({ exempt }) => exempt === undefined)

/** Blocks of other programs' languages, and the pages whose blocks `bun run peers` gives to these programs. */
const PEERS: Readonly<Record<string, readonly string[]>> = {
  nginx: ['docs/balancer-comparison.md', 'docs/operating.md', 'docs/coming-from.md'],
  haproxy: ['docs/balancer-comparison.md', 'docs/operating.md'],
  caddyfile: ['docs/balancer-comparison.md', 'docs/coming-from.md', 'docs/several-applications.md'],
}

/** What is wrong with a block, by its language. Blocks of TypeScript are checked together. */
const checks: Readonly<Record<string, (text: string, block: Block) => readonly string[]>> = {
  sh: commandProblems,
  console: (text) => commandProblems(typedIn(text)),
  ini: unitProblems,
  dockerfile: dockerfileProblems,
  json: (text) => failures(() => parseJson(text)),
  jsonc: (text) => failures(() => Bun.JSONC.parse(text)),
  yaml: (text) => failures(() => Bun.YAML.parse(text)),
  toml: (text) => failures(() => Bun.TOML.parse(text)),
  js: (text) => failures(() => new Bun.Transpiler({ loader: 'js' }).transformSync(text)),
  ts: () => [],
  rip: ripProblems,
  coffee: ripProblems,
  ...Object.fromEntries(
    Object.entries(PEERS).map(([language, known]) => [
      language,
      (_: string, { page }: Block) => (known.includes(page) ? [] : [`no test gives it to ${language}`]),
    ]),
  ),
}

function commandProblems(script: string): readonly string[] {
  return shellCommands(script).flatMap((words) => {
    const command = ourCommand(words)
    return command === undefined ? [] : problemsOf(command).map((problem) => `${words.join(' ')}: ${problem}`)
  })
}

function failures(run: () => unknown): readonly string[] {
  try {
    run()
    return []
  } catch (error) {
    return [String(error)]
  }
}

/** A document, or an object on each line. */
function parseJson(text: string): unknown {
  const lines = text.trimEnd().split('\n')
  return lines.every((line) => line.startsWith('{') && line.endsWith('}'))
    ? lines.map((line) => JSON.parse(line))
    : JSON.parse(text)
}

function ripProblems(text: string, { info }: Block): readonly string[] {
  const thrown = failures(() => selectAdapter({ name: 'rip' }).compile(text))
  if (info !== 'rip error') return thrown
  return thrown.length === 0 ? ['it compiles'] : []
}

describe('blocks of code', () => {
  test('are of a language that is checked, or say why they are not', () => {
    const unchecked = blocks.filter(
      ({ language, text }) => !(language in checks) && mentionsUs(text, language),
    )
    expect(unchecked.map(titleOf)).toEqual([])
  })

  for (const [language, check] of Object.entries(checks)) {
    const ours = blocks.filter((block) => block.language === language)
    test(`of ${language} are right`, () => {
      const wrong = ours.map((block) => [titleOf(block), check(block.text, block)] as const)
      expect(wrong.filter(([, problems]) => problems.length > 0)).toEqual([])
    })
  }

  test('that are exempt are few', () => {
    const exempt = pages.flatMap((page) => page.blocks).filter((block) => block.exempt !== undefined)
    expect(exempt.length).toBeLessThan(blocks.length / 20)
  })
})

/** Plain text may be a picture; anything with another language is code. */
function mentionsUs(text: string, language: string): boolean {
  return !['', 'text'].includes(language) || /^\$? ?rip-(?:server|balancer)\b/m.test(text)
}

describe('blocks of TypeScript', () => {
  const ours = blocks.filter(({ language }) => language === 'ts')
  const nameOf = (block: Block): string => `${titleOf(block).replace(/[^\w-]/g, '-')}/app.ts`
  let folder: string

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'rip-pages-')))
    await linkPackages(folder)
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(TYPESCRIPT))
    await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
    for (const block of ours) {
      const file = join(folder, nameOf(block))
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, block.text)
      for (const [name, content] of missingModules(block.text))
        await writeFile(join(dirname(file), name), content)
    }
  })

  afterAll(() => rm(folder, { recursive: true }))

  test(
    'have the types that they say',
    async () => {
      const child = Bun.spawn([process.execPath, 'check', '--no-script', '--no-pretty'], {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const said = await new Response(child.stdout).text()
      const code = await child.exited
      expect([code, said]).toEqual([0, expect.any(String)])
    },
    TEST_TIMEOUT_MS,
  )

  test('that are configurations are accepted', async () => {
    const configurations = ours.filter(({ text }) => text.includes('defineConfig('))
    const faults = await Promise.all(
      configurations.map(async (block) => {
        const path = join(folder, nameOf(block))
        const { default: written } = (await import(path)) as { default: ConfigExport }
        const context = { mode: 'production', command: 'start' } as const
        const values = typeof written === 'function' ? await written(context) : written
        return failures(() => resolveSettings({ ...NOTHING_ELSE, file: asFile(path, { ...values }) }))
      }),
    )
    expect(configurations.length).toBeGreaterThan(5)
    expect(faults.flat()).toEqual([])
  })
})

const asFile = (path: string, values: Readonly<Record<string, unknown>>): ConfigFile => ({
  path,
  folder: dirname(path),
  values,
  files: [path],
  positionOf: (key) => `${path}: ${key}`,
})

const NOTHING_ELSE = { mode: 'production', cwd: '/', flags: new Map(), env: {} } as const

const TYPESCRIPT = {
  extends: join(ROOT, 'tsconfig.base.json'),
  compilerOptions: {
    noEmit: true,
    allowImportingTsExtensions: true,
    moduleDetection: 'force',
    // Examples for readers, not declarations of a library.
    isolatedDeclarations: false,
    declaration: false,
    declarationMap: false,
    noPropertyAccessFromIndexSignature: false,
  },
}

/** Makes the packages that pages import findable from a folder. */
async function linkPackages(folder: string): Promise<void> {
  const modules = join(folder, 'node_modules')
  await mkdir(join(modules, '@rip'), { recursive: true })
  for (const name of ['balancer', 'manager', 'schema', 'server', 'transpile', 'worker'])
    await symlink(join(ROOT, `packages/rip-${name}`), join(modules, '@rip', name))
  await symlink(join(ROOT, 'packages/rip-server-cli'), join(modules, 'rip-server'))
  await symlink(join(ROOT, 'node_modules/bun-types'), join(modules, 'bun-types'))
  for (const name of ['hono', 'elysia', 'express', '@types']) {
    const path = join(ROOT, 'packages/rip-worker/node_modules', name)
    await symlink(existsSync(path) ? path : join(ROOT, 'node_modules', name), join(modules, name))
  }
}

/** Modules beside an example that the page does not show: whatever is imported from them may be anything. */
function missingModules(text: string): readonly (readonly [name: string, content: string])[] {
  const imports = [...text.matchAll(/^import \{ ([\w, ]+) \} from '\.\/([\w.-]+)'$/gm)]
  return imports.map(([, names = '', file = '']) => [
    file,
    names
      .split(', ')
      .map((name) => `export declare const ${name}: any\n`)
      .join(''),
  ])
}

/** Commands that change nothing, with words without which they would go on for ever. */
const HARMLESS: Readonly<Record<string, readonly string[]>> = {
  status: [],
  ps: [],
  doctor: [],
  config: [],
  check: [],
  explain: [],
  help: [],
  logs: ['--no-follow'],
  events: ['--no-follow'],
}
/** They end with 1 when something is wrong with the machine or the service. */
const JUDGING = ['status', 'doctor']
/** Options with values that are true of another machine. */
const ELSEWHERE = ['--run-dir', '--name']

/** The words of a harmless command for the application of a sandbox; `undefined` for any other command. */
function inSandbox({ program, args }: OurCommand, app: string): readonly string[] | undefined {
  const [verb = '', ...rest] = args
  const needed = HARMLESS[verb]
  if (program !== 'rip-server' || needed === undefined || args.some((arg) => /^[A-Z…]+$/.test(arg)))
    return undefined
  const known = rest.filter((arg, at) => !ELSEWHERE.includes(arg) && !ELSEWHERE.includes(rest[at - 1] ?? ''))
  // `/up` is an address, not a file.
  const words = known.map((arg, at) =>
    /^(?:\.?\/|releases\/|current$)/.test(arg) && known[at - 1] !== '--health' ? app : arg,
  )
  return [verb, ...words, ...needed.filter((word) => !words.includes(word))]
}

test(
  'harmless commands do in a sandbox what they are said to do',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = join(sandbox.folder, 'shop')
    await mkdir(app)
    await writeFile(join(app, 'index.ts'), 'export default () => new Response("hello")\n')
    await sandbox.start('start', app, '--port', '0', '--bind', '127.0.0.1', 'w:1', '--name', 'shop')
    sandbox.startFolder = app
    const scripts = blocks.flatMap(({ language, text }) =>
      language === 'sh' ? [text] : language === 'console' ? [typedIn(text)] : [],
    )
    const commands = scripts.flatMap(shellCommands).flatMap((words) => ourCommand(words) ?? [])
    const lines = commands.flatMap((command) => inSandbox(command, app)?.join(' ') ?? [])
    const outcome = async (line: string): Promise<readonly object[]> => {
      const { code, stderr } = await sandbox.run(...line.split(' '))
      const allowed = JUDGING.includes(line.split(' ')[0]!) ? [0, 1] : [0]
      return allowed.includes(code) ? [] : [{ line, code, stderr }]
    }
    const different = [...new Set(lines)]
    const isCheck = (line: string): boolean => line.startsWith('check')
    const ran = await Promise.all(different.filter((line) => !isCheck(line)).map(outcome))
    // What `check` starts is an instance, too, which the others would find.
    for (const line of different.filter(isCheck)) ran.push(await outcome(line))
    expect(ran.length).toBeGreaterThan(8)
    expect(ran.flat()).toEqual([])
  },
  TEST_TIMEOUT_MS,
)

describe('commands in sentences', () => {
  for (const page of pages) {
    test(`of ${page.path} exist`, () => {
      const written = inlineCommands(page).filter((text) => !/[[|]/.test(text))
      // A sentence may leave out what follows.
      expect(written.flatMap(commandProblems).filter((problem) => !/ needs /.test(problem))).toEqual([])
    })
  }
})

describe('links', () => {
  const anchors = new Map<string, readonly string[]>()

  function anchorsIn(path: string): readonly string[] {
    const known = anchors.get(path) ?? anchorsOf(readPage(path))
    anchors.set(path, known)
    return known
  }

  for (const page of pages) {
    test(`of ${page.path} lead somewhere`, () => {
      const dead = linksOf(page).filter((link) => {
        const [file = '', anchor] = link.split('#')
        const path = file === '' ? page.path : normalize(join(dirname(page.path), file))
        if (!existsSync(join(ROOT, path))) return true
        return anchor !== undefined && !anchorsIn(path).includes(anchor)
      })
      expect(dead).toEqual([])
    })
  }
})

test('the index lists every page, and the README has the index', () => {
  const index = linksOf(readPage('docs/README.md')).map((link) => link.split('#')[0])
  const others = readdirSync(join(ROOT, 'docs')).filter(
    (name) => name.endsWith('.md') && name !== 'README.md',
  )
  expect(others.filter((name) => !index.includes(name))).toEqual([])
  expect(linksOf(readPage('README.md'))).toContain('docs/README.md')
})
