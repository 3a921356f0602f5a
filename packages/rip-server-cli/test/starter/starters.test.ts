import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeNewFiles } from '../../src/starter/new-files.ts'
import { LANGUAGE_PACKAGES, TEMPLATE_PACKAGES } from '../../src/starter/package-manifest.ts'
import { configurationFiles, packageName, starterFiles } from '../../src/starter/starter-files.ts'
import { languages, type Starter, templates } from '../../src/starter/starter.ts'
import { dockerfileProblems } from '../docs/dockerfile.ts'
import { pageFiles } from './page-files.ts'

const TEST_TIMEOUT_MS = 60_000
const RELEASE = { server: '1.2.3', transpile: '1.2.4' }
const starters: readonly Starter[] = templates.flatMap((template) =>
  languages.map((language) => ({ template, language })),
)

/** Pages whose examples are run. */
const PAGES = ['getting-started', 'web-applications-in-rip']

describe('every starter', () => {
  /** All of them and the examples of the pages, beside the packages that `bun install` would bring. */
  let folder: string

  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'rip-starters-')))
    for (const starter of starters) {
      const place = join(folder, `${starter.template}-${starter.language}`)
      writeNewFiles(place, starterFiles(place, starter, undefined))
    }
    for (const page of PAGES) writeNewFiles(join(folder, page), pageFiles(page))
    for (const [name, from = name] of [
      ['hono'],
      ['elysia'],
      ['@rip/transpile'],
      ['@types/bun', 'bun-types'],
    ] as const) {
      const link = join(folder, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(dirname(manifestFile(from)), link)
    }
    // Their own, so that one process tests all of them.
    const rip = starterFiles(folder, { template: 'plain', language: 'rip' }, undefined)
    const ts = starterFiles(folder, { template: 'plain', language: 'ts' }, undefined)
    const shared = [...rip, ...ts].filter(({ path }) => path === 'bunfig.toml' || path === 'tsconfig.json')
    writeNewFiles(folder, shared)
  })

  afterAll(() => rmSync(folder, { recursive: true }))

  test(
    'has tests, which pass by bun test, and so do those of the examples in the documents',
    async () => {
      const tests = PAGES.flatMap(pageFiles).filter(({ path }) => path.includes('.test.'))
      expect(tests.length).toBeGreaterThanOrEqual(PAGES.length)
      const { code, output } = await bun(folder, 'test')
      expect([code, output]).toEqual([
        0,
        expect.stringContaining(`across ${starters.length + tests.length} files`),
      ])
      expect(output).not.toContain('(fail)')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'in TypeScript has no type errors',
    async () => {
      expect(await bun(folder, 'check')).toEqual({
        code: 0,
        output: expect.stringContaining('No type errors'),
      })
    },
    TEST_TIMEOUT_MS,
  )
})

describe('the files of a starter', () => {
  for (const starter of starters) {
    const { template, language } = starter
    test(`are those of ${template} in ${language}`, () => {
      const files = new Map(
        starterFiles('/srv/My shop', starter, RELEASE).map(({ path, text }) => [path, text]),
      )
      expect([...files.keys()]).toEqual(expect.arrayContaining([...EXPECTED, ...EXPECTED_OF[language]]))
      for (const [path, text] of files) {
        expect([path, text]).toEqual([path, expect.not.stringMatching(/\{\{\w+\}\}/)])
        expect([path, text.endsWith('\n')]).toEqual([path, true])
      }
      expect(files.get('README.md')).toContain(`# my-shop\n`)
      expect(files.get('README.md')).toContain(`app.test.${language}`)
    })
  }

  test('name exact versions, those that the starters are tested with', async () => {
    const hono = await versionOf('hono')
    expect(TEMPLATE_PACKAGES.hono['hono']).toBe(hono)
    expect(TEMPLATE_PACKAGES.elysia['elysia']).toBe(await versionOf('elysia'))
    expect(LANGUAGE_PACKAGES.ts['@types/bun']).toBe(await versionOf('bun-types'))
    expect(manifestOf({ template: 'hono', language: 'rip' })).toEqual({
      name: 'shop',
      private: true,
      type: 'module',
      scripts: { dev: 'rip-server dev', start: 'rip-server start', test: 'bun test' },
      dependencies: { hono, 'rip-server': RELEASE.server },
      devDependencies: { '@rip/transpile': RELEASE.transpile },
    })
  })

  test('have a Dockerfile with commands that exist, also while no registry has our packages', () => {
    for (const own of [RELEASE, undefined]) {
      const files = starterFiles('/srv/shop', { template: 'api', language: 'rip' }, own)
      const dockerfile = files.find(({ path }) => path === 'Dockerfile')?.text ?? ''
      expect(dockerfile).toContain('CMD ["rip-server", "start"')
      expect(dockerfileProblems(dockerfile)).toEqual([])
      expect(dockerfile.includes('/opt/rip-server')).toBe(own === undefined)
    }
  })

  test('depend on nothing of ours while no registry has it, and name no types of it', () => {
    const files = starterFiles('/srv/shop', { template: 'plain', language: 'rip' }, undefined)
    const text = (name: string): string => files.find(({ path }) => path === name)?.text ?? ''
    expect(JSON.parse(text('package.json'))).not.toHaveProperty('dependencies')
    for (const [config = ''] of [[text('rip-server.config.ts')], [configurationFiles(false)[0]?.text]]) {
      expect(config).not.toContain('RipServerConfig')
      expect(config).toContain('export default {\n')
    }
    const released = configurationFiles(true)[0]?.text
    expect(released).toContain("import type { RipServerConfig } from 'rip-server'")
  })
})

test('the name of a package is one that npm and Docker take', () => {
  for (const [folder, name] of [
    ['/srv/shop', 'shop'],
    ['/srv/Untitled Folder', 'untitled-folder'],
    ['/srv/my_app.v2', 'my_app.v2'],
    ['/srv/.hidden', 'hidden'],
    ['/srv/Café--Größe', 'cafe-gro-e'],
    ['/srv/日本', 'app'],
    ['/', 'app'],
    ['/srv/hono', 'hono-app'],
    ['/srv/node_modules', 'node_modules-app'],
  ] as const)
    expect(packageName(folder)).toBe(name)
  expect(packageName(`/srv/${'a'.repeat(250)}`)).toHaveLength(214)
})

const EXPECTED = [
  'package.json',
  'README.md',
  'rip-server.config.ts',
  'Dockerfile',
  '.gitignore',
  '.dockerignore',
]
const EXPECTED_OF = {
  rip: ['app.rip', 'app.test.rip', 'bunfig.toml', '.vscode/settings.json', '.vscode/extensions.json'],
  ts: ['app.ts', 'app.test.ts', 'tsconfig.json', '.vscode/extensions.json'],
} as const

/** The `package.json` of an installed package. */
function manifestFile(name: string): string {
  return fileURLToPath(import.meta.resolve(`${name}/package.json`))
}

async function versionOf(name: string): Promise<string> {
  const { version } = (await Bun.file(manifestFile(name)).json()) as { version: string }
  return version
}

function manifestOf(starter: Starter): unknown {
  const files = starterFiles('/srv/shop', starter, RELEASE)
  return JSON.parse(files.find(({ path }) => path === 'package.json')?.text ?? '')
}

async function bun(cwd: string, ...args: readonly string[]): Promise<{ code: number; output: string }> {
  const child = Bun.spawn([process.execPath, ...args], {
    cwd,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, output: out + err }
}
