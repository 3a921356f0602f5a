import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseCommandLine } from '../../src/command-line/command-line.ts'
import { init } from '../../src/commands/init.ts'
import { offerStarter, starterFor } from '../../src/commands/offer-starter.ts'
import { dev } from '../../src/commands/serve.ts'
import { CliError } from '../../src/errors.ts'
import type { Invocation } from '../../src/invocation.ts'
import { installPackages } from '../../src/starter/install-packages.ts'
import { inTheWay, writeNewFiles } from '../../src/starter/new-files.ts'
import type { Terminal } from '../../src/terminal/terminal.ts'

let root: string

beforeAll(() => void (root = realpathSync(mkdtempSync(join(tmpdir(), 'rip-init-')))))
afterAll(() => rmSync(root, { recursive: true }))

/** A folder with these files. */
function folderWith(files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(root, 'f-'))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

/** All paths below a folder with their texts, without installed packages. */
function contentOf(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => !path.startsWith('node_modules/'))
  return Object.fromEntries(paths.map((path) => [path, readFileSync(join(folder, path), 'utf8')]))
}

interface Outcome {
  readonly code: number
  readonly said: string
}

/** Runs a command in a folder, in this process. */
async function runIn(
  cwd: string,
  args: readonly string[],
  run: (invocation: Invocation) => Promise<number> = init,
): Promise<Outcome> {
  const lines: string[] = []
  const say = (text: string): void => void lines.push(text)
  const plain = (text: string): string => text
  const terminal: Terminal = {
    data: say,
    say,
    complain: say,
    clear: () => {},
    talkJson: () => {},
    strong: plain,
    faint: plain,
    good: plain,
    bad: plain,
    interactive: false,
    colorsData: false,
  }
  const line = parseCommandLine(args, () => false)
  try {
    return { code: await run({ line, terminal, cwd, env: { HOME: root } }), said: lines.join('\n') }
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    return { code: error.exitCode, said: error.message }
  }
}

describe('init', () => {
  test('writes a starter into a new folder, and ends with the one command to run', async () => {
    const cwd = folderWith()
    const { code, said } = await runIn(cwd, ['init', 'a/my shop'])
    expect(code).toBe(0)
    expect(said).toContain('✓ a plain application in Rip in a/my shop\n')
    expect(said.trimEnd()).toMatch(/\n {2}cd 'a\/my shop' && (?:bun|npx -y bun@[\d.]+) run dev$/)
    expect(Object.keys(contentOf(join(cwd, 'a/my shop')))).toContain('app.rip')
  })

  test('writes what the flags say, and TypeScript beside a tsconfig.json alone', async () => {
    const cwd = folderWith()
    const { said } = await runIn(cwd, ['init', '--template', 'chat', '--language', 'ts', '--no-install'])
    expect(said).toContain('✓ a chat over WebSockets in TypeScript\n')
    expect(said).not.toContain('others:')
    expect(said.trimEnd()).toMatch(/\n {2}(bun|npx -y bun@[\d.]+) install && \1 run dev$/)
    const prepared = folderWith({ 'tsconfig.json': '{}' })
    expect((await runIn(prepared, ['init', '--no-install'])).said).toContain('in TypeScript\n')
    expect(contentOf(prepared)).toMatchObject({ 'tsconfig.json': '{}', 'app.ts': expect.any(String) })
  })

  test('leaves what a fresh clone has as it is', async () => {
    const clone = { 'README.md': '# mine\n', LICENSE: 'MIT\n', '.gitignore': 'dist/\n', '.git/HEAD': 'ref\n' }
    const cwd = folderWith(clone)
    const { code, said } = await runIn(cwd, ['init', '--no-install'])
    expect(code).toBe(0)
    expect(said).toContain('left as it is: README.md, .gitignore\n')
    expect(contentOf(cwd)).toMatchObject({ ...clone, 'app.rip': expect.any(String) })
  })

  test('names every file in its way, and writes nothing', async () => {
    const files = { 'package.json': '{ "name": "keep-me" }\n', 'bunfig.toml': '', 'notes/app.md': '' }
    const cwd = folderWith(files)
    const { code, said } = await runIn(cwd, ['init'])
    expect(code).toBe(1)
    expect(said).toStartWith(`${cwd} has bunfig.toml, package.json already, and init overwrites nothing`)
    expect(contentOf(cwd)).toEqual(files)
  })

  test('takes a link to nothing for a file, and a file for no folder', async () => {
    const cwd = folderWith({ '.vscode': 'a file\n' })
    symlinkSync('nowhere', join(cwd, 'app.rip'))
    expect(
      inTheWay(cwd, [
        { path: '.vscode/settings.json', text: '' },
        { path: 'app.rip', text: '' },
      ]),
    ).toEqual(['.vscode', 'app.rip'])
    expect((await runIn(cwd, ['init'])).said).toContain(`${cwd} has app.rip already`)
  })

  test('finds an application, and writes the configuration that it lacks', async () => {
    const app = {
      'package.json': '{ "dependencies": { "hono": "*" }, "main": "web.ts" }',
      'web.ts': 'export default {}',
    }
    const cwd = folderWith(app)
    const { code, said } = await runIn(cwd, ['init'])
    expect([code, said.trimEnd()]).toEqual([
      0,
      expect.stringMatching(/^✓ rip-server.config.ts, for web.ts, .*\n\n {2}rip-server dev$/),
    ])
    expect(Object.keys(contentOf(cwd)).toSorted()).toEqual(['package.json', 'rip-server.config.ts', 'web.ts'])
    const before = contentOf(cwd)
    const again = await runIn(cwd, ['init'])
    expect([again.code, again.said]).toEqual([
      0,
      expect.stringContaining('nothing is needed: there is web.ts'),
    ])
    expect(contentOf(cwd)).toEqual(before)
  })

  test('names the types of rip-server in the configuration where the application depends on it', async () => {
    for (const [dependencies, hasTypes] of [
      ['"hono": "*"', false],
      ['"rip-server": "*"', true],
    ] as const) {
      const cwd = folderWith({ 'package.json': `{ "devDependencies": { ${dependencies} } }`, 'app.ts': '' })
      await runIn(cwd, ['init'])
      expect(contentOf(cwd)['rip-server.config.ts']?.includes("from 'rip-server'")).toBe(hasTypes)
    }
  })

  test('knows an application whose first file it cannot find by its packages', async () => {
    const cwd = folderWith({ 'package.json': '{ "dependencies": { "express": "5" } }', 'lib/web.js': '' })
    const { code, said } = await runIn(cwd, ['init'])
    expect(code).toBe(0)
    expect(said).toContain('for express in package.json')
    expect(said).toContain('Name the file on the command line')
    expect(existsSync(join(cwd, 'package-lock.json'))).toBe(false)
  })

  test('puts no template over an application', async () => {
    const files = { 'index.ts': 'export default () => new Response()' }
    const cwd = folderWith(files)
    const { code, said } = await runIn(cwd, ['init', '--template', 'hono'])
    expect([code, said]).toEqual([1, expect.stringContaining('has an application already (index.ts')])
    expect(contentOf(cwd)).toEqual(files)
  })

  test('refuses what it does not know, and a file in place of a folder', async () => {
    const cwd = folderWith({ shop: '' })
    for (const [args, message] of [
      [
        ['--template', 'honoo'],
        '--template honoo: there are plain, hono, elysia, api, chat; did you mean hono?',
      ],
      [['--language', 'js'], '--language js: there are rip, ts'],
      [['shop'], `${join(cwd, 'shop')} is a file`],
      [['shop/new/er'], `${join(cwd, 'shop')} is a file`],
      [['a', 'b'], 'unexpected word "b" for "init"'],
      [['--honoapp'], 'unknown option --honoapp'],
      [['-t', 'hono'], '-t does not apply to "init"; --template NAME chooses'],
      [['--yes'], 'unknown option --yes; it asks nothing'],
    ] as const) {
      const outcome = await runIn(cwd, ['init', ...args]).catch((error: unknown) => error)
      const { code, said } =
        outcome instanceof CliError ? { code: outcome.exitCode, said: outcome.message } : (outcome as Outcome)
      expect([code, said]).toEqual([2, expect.stringContaining(message)])
    }
    expect(Object.keys(contentOf(cwd))).toEqual(['shop'])
  })
})

describe('new files', () => {
  test('are all written or none, and nothing is overwritten', () => {
    const folder = folderWith({ 'b/taken': 'mine' })
    const files = ['a/x/1', 'a/2', 'b/3', 'b/taken', 'c'].map((path) => ({ path, text: 'new' }))
    expect(() => writeNewFiles(folder, files)).toThrow(`${join(folder, 'b/taken')} cannot be written: EEXIST`)
    expect(contentOf(folder)).toEqual({ 'b/taken': 'mine' })
    expect(readdirSync(folder)).toEqual(['b'])
    const missing = join(folder, 'new')
    expect(() => writeNewFiles(missing, [...files.slice(0, 2), files[0]!])).toThrow('EEXIST')
    expect(existsSync(missing)).toBe(false)
  })
})

test('the reason for which packages cannot be installed is the one of Bun', async () => {
  expect(await installPackages(folderWith({ 'package.json': '{ "name": ' }))).toContain('package.json')
  expect(new CliError('NOT_INSTALLED', { reason: 'no network', run: 'bun run dev' })).toMatchObject({
    message: expect.stringMatching(
      /^the files are written, but "bun install" failed: no network\n.*bun run dev$/,
    ),
    exitCode: 1,
  })
})

describe('where there is no application', () => {
  test('dev names the command that writes one, where nobody can be asked', async () => {
    const cwd = folderWith()
    expect(await runIn(cwd, ['dev'], dev)).toEqual({
      code: 4,
      said: expect.stringMatching(/^no application found in .*\n"rip-server init" writes an application/),
    })
    expect(await runIn(cwd, ['dev', 'shop'], dev)).toEqual({
      code: 4,
      said: expect.stringMatching(
        /^there is no file or folder .*\n"rip-server init shop" writes an application/,
      ),
    })
    expect(readdirSync(cwd)).toEqual([])
  })

  test('another failure is not explained by it', async () => {
    const invocation = { line: parseCommandLine(['dev']), cwd: root } as Invocation
    const error = new Error('something else')
    expect(await offerStarter(error, invocation).catch((thrown: unknown) => thrown)).toBe(error)
  })

  test('an answer names a starter, its language, or neither', () => {
    const folder = folderWith()
    for (const answer of ['', 'y', 'YES', 'plain', 'rip'])
      expect(starterFor(answer, folder)).toEqual({ template: 'plain', language: 'rip' })
    expect(starterFor('hono-ts', folder)).toEqual({ template: 'hono', language: 'ts' })
    expect(starterFor(' api, ts ', folder)).toEqual({ template: 'api', language: 'ts' })
    for (const answer of ['n', 'No', undefined]) expect(starterFor(answer, folder)).toBeUndefined()
    expect(() => starterFor('chatt', folder)).toThrow('there is no starter "chatt"; did you mean chat?')
  })
})
