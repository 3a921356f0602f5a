/**
 * The release path of docs/releasing.md, from changesets to programs that run in empty folders: this test installs
 * everything that a user gets.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compiledProgram } from '../../packages/rip-server/src/programs/bundle.ts'
import { startRegistry, type Registry } from '../src/registry.ts'
import { commit, copyWorkspace, emptyFolder, mustRun, run } from './workspace-copy.ts'

const PACKAGES = [
  '@rip/balancer',
  '@rip/manager',
  '@rip/worker',
  '@rip/transpile',
  '@rip/schema',
  '@rip/server',
  'rip-server',
  'create-rip-server',
]
const CONSUMERS = fileURLToPath(new URL('consumers/', import.meta.url))
const MINUTE_MS = 60_000

let registry: Registry
let workspace: string
let shared: string
const folders: string[] = []

const owned = (name: string): boolean => PACKAGES.includes(name)

function folder(name: string): string {
  const path = emptyFolder(name)
  folders.push(path)
  return path
}

/** Environment in which bun and npm use the registry of this test and separate caches. */
function registryEnv(): Record<string, string> {
  return {
    BUN_CONFIG_REGISTRY: registry.url,
    BUN_INSTALL_CACHE_DIR: join(shared, 'bun-cache'),
    npm_config_registry: registry.url,
    npm_config_cache: join(shared, 'npm-cache'),
    npm_config_userconfig: join(shared, 'npmrc'),
    XDG_RUNTIME_DIR: join(shared, 'run'),
    XDG_CACHE_HOME: join(shared, 'cache'),
    TMPDIR: join(shared, 'tmp'),
    NO_COLOR: '1',
  }
}

/** Copies a consumer of this test into an empty folder and installs its dependencies from the registry. */
async function consumer(name: string): Promise<string> {
  const cwd = folder(name)
  cpSync(join(CONSUMERS, name), cwd, { recursive: true })
  await mustRun(['bun', 'install', '--silent'], { cwd, env: registryEnv() })
  return cwd
}

/** Releases that the workspace would publish now. */
async function plannedReleases(): Promise<string[]> {
  await mustRun(['bun', '--bun', 'changeset', 'publish-plan', '--output', 'plan.json'], {
    cwd: workspace,
    env: registryEnv(),
  })
  const text = readFileSync(join(workspace, 'plan.json'), 'utf8')
  rmSync(join(workspace, 'plan.json'))
  const { plan } = JSON.parse(text) as { plan: Array<Array<{ name: string }>> }
  return plan.flat().map(({ name }) => name)
}

async function versionAndCommit(): Promise<void> {
  await mustRun(['bun', 'run', 'version'], { cwd: workspace })
  await commit(workspace, 'Release')
}

/** Resets the workspace to its present commit when disposed, because other tests check what was released. */
async function restoredWorkspace(): Promise<AsyncDisposable> {
  const head = (await mustRun(['git', 'rev-parse', 'HEAD'], { cwd: workspace })).stdout.trim()
  return {
    async [Symbol.asyncDispose]() {
      await mustRun(['git', 'reset', '--quiet', '--hard', head], { cwd: workspace })
    },
  }
}

beforeAll(async () => {
  const upstream = (await mustRun(['npm', 'config', 'get', 'registry'], { cwd: '/' })).stdout.trim()
  registry = startRegistry(owned, upstream)
  shared = folder('shared')
  for (const each of ['run', 'cache', 'tmp']) mkdirSync(join(shared, each), { mode: 0o700 })
  writeFileSync(
    join(shared, 'npmrc'),
    `registry=${registry.url}\n//${new URL(registry.url).host}/:_authToken=local\nfund=false\naudit=false\n`,
  )
  workspace = await copyWorkspace()
  folders.push(workspace)
  await mustRun(['bun', 'install', '--frozen-lockfile', '--silent'], { cwd: workspace })
  const first = PACKAGES.map((name) => `"${name}": minor`).join('\n')
  writeFileSync(
    join(workspace, '.changeset', 'release-test.md'),
    `---\n${first}\n---\n\nA release for the test.\n`,
  )
  await versionAndCommit()
  await mustRun(['bun', 'run', 'release'], { cwd: workspace, env: registryEnv() })
}, 5 * MINUTE_MS)

afterAll(async () => {
  await registry?.[Symbol.asyncDispose]()
  for (const path of folders) rmSync(path, { recursive: true, force: true })
})

describe('a release', () => {
  test('publishes every package, dependencies before dependents', () => {
    const order = registry.published.map((id) => id.slice(0, id.lastIndexOf('@')))
    expect(order.toSorted()).toEqual(PACKAGES.toSorted())
    expect(order.slice(-2)).toEqual(['rip-server', 'create-rip-server'])
    expect(order.indexOf('@rip/transpile')).toBeLessThan(order.indexOf('@rip/worker'))
    expect(order.indexOf('@rip/schema')).toBeLessThan(order.indexOf('@rip/transpile'))
  })

  test('tags every version', async () => {
    const { stdout } = await mustRun(['git', 'tag'], { cwd: workspace })
    expect(stdout.trim().split('\n').toSorted()).toEqual([...registry.published].toSorted())
  })

  test(
    'leaves nothing to release',
    async () => {
      expect(await plannedReleases()).toEqual([])
    },
    MINUTE_MS,
  )
})

describe('in an empty folder', () => {
  for (const [kind, file] of [
    ['.rip', 'app.rip'],
    ['.ts', 'app.ts'],
  ] as const) {
    test(
      `bunx rip-server serves a ${kind} application that has none of our packages`,
      async () => {
        const cwd = folder('bunx')
        cpSync(join(CONSUMERS, 'apps', file), join(cwd, file))
        expect(await served(['bunx', 'rip-server', 'start', file, '--port', '0'], cwd)).toBe(
          `hello from ${file}`,
        )
      },
      MINUTE_MS,
    )
  }

  test(
    'npx runs rip-server for a user without Bun',
    async () => {
      const cwd = folder('npx')
      cpSync(join(CONSUMERS, 'apps', 'app.rip'), join(cwd, 'app.rip'))
      const command = [
        'npx',
        '-y',
        '-p',
        'bun@1.4.5',
        '-p',
        'rip-server',
        'rip-server',
        'start',
        'app.rip',
        '--port',
        '0',
      ]
      // npx ends by the signal itself, and does not report how the program under it ended.
      const options = { path: pathWithoutBun(), exitCode: 'any' } as const
      expect(await served(command, cwd, options)).toBe('hello from app.rip')
    },
    3 * MINUTE_MS,
  )

  test(
    'bun create rip-server writes applications that are installed, tested, of the right types, and served',
    async () => {
      const cwd = folder('create')
      const create = ['bun', 'create', 'rip-server']
      await mustRun([...create, 'notes'], { cwd, env: registryEnv() })
      const notes = join(cwd, 'notes')
      await mustRun(['bun', 'test'], { cwd: notes, env: registryEnv() })
      expect(await served(['bun', 'run', 'start', '--port', '0'], notes)).toContain('Hello, world')
      const options = ['--template', 'hono', '--language', 'ts']
      await mustRun([...create, 'shop', ...options], { cwd, env: registryEnv() })
      const shop = join(cwd, 'shop')
      await mustRun(['bun', 'run', 'typecheck'], { cwd: shop, env: registryEnv() })
      expect(readFileSync(join(shop, '.gitignore'), 'utf8')).toContain('node_modules/')
      // What is published was made of the sources that are published with it.
      const bundled = (name: string, program: string): string | undefined =>
        compiledProgram(join(shop, 'node_modules', name), program)
      expect(bundled('rip-server', 'serving.js')).toBeDefined()
      expect(bundled('@rip/balancer', 'bin/rip-balancer')).toBeDefined()
    },
    2 * MINUTE_MS,
  )

  for (const [name, program] of [
    ['balancer', ['bun', 'main.ts']],
    ['manager', ['bun', 'main.ts']],
    ['worker', ['bun', 'main.ts']],
    ['schema', ['bun', 'main.ts']],
    ['server', ['bun', 'main.ts']],
    ['transpile', ['bun', '--preload', '@rip/transpile/register', 'main.rip']],
  ] as const) {
    test(
      `@rip/${name} works alone`,
      async () => {
        const cwd = await consumer(name)
        const { stdout } = await mustRun(program, { cwd, env: registryEnv() })
        expect(stdout.trim().split('\n').at(-1)).toBe('ok')
      },
      MINUTE_MS,
    )
  }

  test(
    'a Node.js project type-checks against all seven libraries',
    async () => {
      const cwd = folder('node-types')
      cpSync(join(CONSUMERS, 'node-types'), cwd, { recursive: true })
      await mustRun(['npm', 'install', '--silent', '--ignore-scripts'], { cwd, env: registryEnv() })
      const { code, stdout } = await run(['node', 'node_modules/typescript/bin/tsc', '--noEmit'], { cwd })
      expect(stdout).toBe('')
      expect(code).toBe(0)
    },
    2 * MINUTE_MS,
  )
})

describe('a later release', () => {
  test(
    'of one package contains it and its dependents, nothing else',
    async () => {
      await using _unreleased = await restoredWorkspace()
      writeFileSync(
        join(workspace, '.changeset', 'one.md'),
        '---\n"@rip/transpile": patch\n---\n\nA fix for the test.\n',
      )
      await versionAndCommit()
      expect((await plannedReleases()).toSorted()).toEqual([
        '@rip/manager',
        '@rip/server',
        '@rip/transpile',
        '@rip/worker',
        'create-rip-server',
        'rip-server',
      ])
    },
    MINUTE_MS,
  )
})

/** PATH with Node.js and npm, without any folder that has a `bun`. */
function pathWithoutBun(): string {
  const parts = (process.env['PATH'] ?? '').split(':')
  return parts.filter((part) => Bun.which('bun', { PATH: part }) === null).join(':')
}

interface ServedOptions {
  readonly path?: string
  readonly exitCode?: number | 'any'
}

/**
 * Starts a server, reads its address from the output, sends it a request, and stops it as Ctrl-C in a terminal does.
 */
async function served(command: readonly string[], cwd: string, options: ServedOptions = {}): Promise<string> {
  const { path = process.env['PATH'] ?? '', exitCode = 0 } = options
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...process.env, ...registryEnv(), PATH: path },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    detached: true,
  })
  let url = ''
  try {
    url = await addressIn(child.stderr, child.stdout)
    return await (await fetch(url)).text()
  } finally {
    process.kill(-child.pid, 'SIGINT')
    const ended = await child.exited
    if (exitCode !== 'any') expect(ended).toBe(exitCode)
    while (url !== '' && (await answers(url))) await Bun.sleep(20)
  }
}

const answers = (url: string): Promise<boolean> =>
  fetch(url, { keepalive: false }).then(
    () => true,
    () => false,
  )

/** The first address of this machine in the output of a program. */
async function addressIn(...streams: Array<ReadableStream<Uint8Array>>): Promise<string> {
  let seen = ''
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const read = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    for await (const bytes of stream) {
      seen += new TextDecoder().decode(bytes)
      const url = /http:\/\/(?:127\.0\.0\.1|localhost):[1-9]\d*/.exec(seen)?.[0]
      if (url !== undefined) resolve(url)
    }
  }
  void Promise.all(streams.map(read)).then(() => reject(new Error(`it ended without an address:\n${seen}`)))
  return promise
}
