import { expect, test } from 'bun:test'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Sandbox, type Server, until } from '../server.ts'

type Files = Readonly<Record<string, string>>

async function write(sandbox: Sandbox, files: Files): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(sandbox.folder, path)), { recursive: true })
    await writeFile(join(sandbox.folder, path), text)
  }
}

async function text({ url }: Server): Promise<string> {
  return (await fetch(url, { keepalive: false })).text()
}

/** Kills the serving worker and waits for its successor. */
async function crash(sandbox: Sandbox, server: Server): Promise<void> {
  const before = await sandbox.snapshot(server)
  const [worker] = before.workers
  process.kill(worker!.pid, 'SIGKILL')
  await until('another worker is ready', async () => {
    const { workers, readyWorkers } = await sandbox.snapshot(server)
    return readyWorkers === 1 && !workers.some(({ pid, state }) => pid === worker!.pid && state === 'ready')
  })
}

const answer = (specifier: string, rest = ''): string =>
  `import { value } from ${JSON.stringify(specifier)}${rest}\nexport default () => new Response(String(value))\n`
const say = (value: string): string => `export const value = ${JSON.stringify(value)}\n`
const BROKEN = 'throw new Error("broken on disk")\n'

interface Situation {
  readonly files: Files
  /** File that is imported. */
  readonly file: string
  readonly before: string
  readonly after: string
  readonly prepare?: (sandbox: Sandbox) => Promise<void>
}

const situations: Readonly<Record<string, Situation>> = {
  'a folder beside the application': {
    files: { 'app/index.ts': answer('../shared/value') },
    file: 'shared/value.ts',
    before: say('old'),
    after: say('new'),
  },
  'a linked folder': {
    files: { 'app/index.ts': answer('./linked/value') },
    file: 'elsewhere/value.ts',
    before: say('old'),
    after: say('new'),
    prepare: (sandbox) => symlink('../elsewhere', join(sandbox.folder, 'app/linked')),
  },
  'a workspace package': {
    files: {
      'app/index.ts': answer('tools'),
      'packages/tools/package.json': '{"name":"tools","exports":"./value.ts"}',
    },
    file: 'packages/tools/value.ts',
    before: say('old'),
    after: say('new'),
    prepare: async ({ folder }) => {
      await mkdir(join(folder, 'app/node_modules'))
      await symlink('../../packages/tools', join(folder, 'app/node_modules/tools'))
    },
  },
  'a generated client that git ignores': {
    files: { 'app/index.ts': answer('./generated/client'), 'app/.gitignore': 'generated/\n' },
    file: 'app/generated/client.ts',
    before: say('old'),
    after: say('new'),
  },
  'a build in dist, imported by an entry outside': {
    files: { 'app/index.ts': answer('./dist/server.js') },
    file: 'app/dist/server.js',
    before: say('old'),
    after: say('new'),
  },
  'a text outside the application': {
    files: {
      'app/index.ts': "import value from '../texts/a.txt'\nexport default () => new Response(value)\n",
    },
    file: 'texts/a.txt',
    before: 'old',
    after: 'new',
  },
  'a package in node_modules, without a new lock file': {
    files: {
      'app/index.ts': answer('dep'),
      'app/node_modules/dep/package.json': '{"name":"dep","version":"1.0.0","main":"index.js"}',
      'app/node_modules/dep/index.js': "module.exports = require('./lib/value')\n",
    },
    file: 'app/node_modules/dep/lib/value.js',
    before: "exports.value = 'old'\n",
    after: "exports.value = 'new'\n",
  },
}

test.each(Object.entries(situations))(
  'a reload takes in %s, and a replaced worker runs what served',
  async (_, { files, file, before, after, prepare }) => {
    await using sandbox = await Sandbox.create()
    await write(sandbox, { ...files, [file]: before })
    await prepare?.(sandbox)
    const app = join(sandbox.folder, 'app')
    const server = await sandbox.start(app, '--port', '0', '--workers', '1')
    expect(await text(server)).toBe('old')

    const unchanged = await sandbox.run('reload', app, '--json')
    expect(unchanged.stdout).toContain('"unchanged":true')
    await write(sandbox, { [file]: BROKEN })
    await crash(sandbox, server)
    expect(await text(server)).toBe('old')

    await write(sandbox, { [file]: after })
    expect(await sandbox.run('reload', app)).toMatchObject({ code: 0 })
    expect(await text(server)).toBe('new')
    await rename(join(sandbox.folder, dirname(file)), join(sandbox.folder, 'away'))
    await crash(sandbox, server)
    expect(await text(server)).toBe('new')
  },
  30_000,
)

test('in development a file outside the application is watched for as long as it is imported', async () => {
  await using sandbox = await Sandbox.create()
  const app = join(sandbox.folder, 'app')
  await write(sandbox, {
    'app/index.ts': answer('../shared/a.ts'),
    'shared/a.ts': say('one'),
    'other/b.ts': say('three'),
  })
  const server = await sandbox.start('dev', app, '--port', '0', '--workers', '1')
  const serves = (value: string): Promise<unknown> =>
    until(`it serves ${value}`, async () => (await text(server)) === value)
  await serves('one')
  await write(sandbox, { 'shared/a.ts': say('two') })
  await serves('two')
  await write(sandbox, { 'app/index.ts': answer('../other/b.ts') })
  await serves('three')
  await write(sandbox, { 'other/b.ts': 'export const value = (\n' })
  await server.says('b.ts')
  await write(sandbox, { 'other/b.ts': say('four') })
  await serves('four')
  const { reloads } = await sandbox.snapshot(server)
  await write(sandbox, { 'shared/a.ts': say('nobody imports it') })
  await write(sandbox, { 'app/index.ts': `${answer('../other/b.ts')}// again\n` })
  await until(
    'the next save is served',
    async () => (await sandbox.snapshot(server)).reloads.admitted > reloads.admitted,
  )
  expect((await sandbox.snapshot(server)).reloads.admitted).toBe(reloads.admitted + 1)
}, 30_000)

test('in development a changed path alias leads elsewhere at once', async () => {
  await using sandbox = await Sandbox.create()
  const app = join(sandbox.folder, 'app')
  const aliases = (folder: string): string =>
    JSON.stringify({ compilerOptions: { paths: { '@shared/*': [`../${folder}/*`] } } })
  await write(sandbox, {
    'app/index.ts': answer('@shared/value'),
    'app/tsconfig.json': aliases('one'),
    'one/value.ts': say('one'),
    'two/value.ts': say('two'),
  })
  const server = await sandbox.start('dev', app, '--port', '0', '--workers', '1')
  expect(await text(server)).toBe('one')
  // Long enough for standby processes of the next generation.
  await Bun.sleep(900)
  await write(sandbox, { 'app/tsconfig.json': aliases('two') })
  await until('it serves the other folder', async () => (await text(server)) === 'two')
  await write(sandbox, { 'two/value.ts': say('three') })
  await until('it serves the change', async () => (await text(server)) === 'three')
}, 30_000)

test('in development a changed alias in what tsconfig.json extends, above the application, leads elsewhere at once', async () => {
  await using sandbox = await Sandbox.create()
  const base = (folder: string): string =>
    JSON.stringify({ compilerOptions: { paths: { '@shared/*': [`./${folder}/*`] } } })
  await write(sandbox, {
    'mono/apps/api/index.ts': answer('@shared/value'),
    'mono/apps/api/tsconfig.json': `{ // as editors write it\n  "extends": "../../base.json",\n}\n`,
    'mono/base.json': base('one'),
    'mono/one/value.ts': say('one'),
    'mono/two/value.ts': say('two'),
  })
  const app = join(sandbox.folder, 'mono/apps/api')
  const server = await sandbox.start('dev', app, '--port', '0', '--workers', '1')
  expect(await text(server)).toBe('one')
  await write(sandbox, { 'mono/base.json': base('two') })
  await until('it serves the other folder', async () => (await text(server)) === 'two')
}, 30_000)

test('a component that is only served as a file, and a broken file without an importer, end neither start nor dev', async () => {
  await using sandbox = await Sandbox.create()
  const app = join(sandbox.folder, 'app')
  await write(sandbox, {
    'app/index.rip': "import { value } from './value.rip'\nexport default -> new Response value\n",
    'app/value.rip': "export value = 'served'\n",
    'app/ui/component.rip': 'this is ( no module\n',
  })
  for (const mode of ['start', 'dev']) {
    const server = await sandbox.start(mode, app, '--port', '0', '--workers', '1', '--name', mode)
    expect(await text(server)).toBe('served')
    expect(server.stderr).not.toContain('component.rip')
    server.kill('SIGTERM')
    expect((await server.finished()).code).toBe(0)
  }
}, 30_000)

test('an entry in CommonJS that exports nothing is run, and so is a file imported for its effects', async () => {
  await using sandbox = await Sandbox.create()
  const app = join(sandbox.folder, 'app')
  await write(sandbox, {
    'app/index.ts': "import './setup.js'\nexport default () => new Response(globalThis.greeting)\n",
    'app/setup.js': "const { basename } = require('path')\nglobalThis.greeting = basename(__filename)\n",
  })
  const server = await sandbox.start(app, '--port', '0', '--workers', '1')
  expect(await text(server)).toBe('setup.js')
})

test('a broken package makes a reload refused, and its repair is another generation', async () => {
  await using sandbox = await Sandbox.create()
  const app = join(sandbox.folder, 'app')
  const dep = 'app/node_modules/dep/index.js'
  await write(sandbox, {
    'app/index.ts': answer('dep'),
    'app/node_modules/dep/package.json': '{"name":"dep","version":"1.0.0"}',
    [dep]: "exports.value = 'old'\n",
  })
  const server = await sandbox.start(app, '--port', '0', '--workers', '1')
  await write(sandbox, { [dep]: BROKEN })
  expect(await sandbox.run('reload', app)).toMatchObject({ code: 8 })
  expect(await text(server)).toBe('old')
  await rm(join(sandbox.folder, dep))
  await write(sandbox, { [dep]: "exports.value = 'repaired'\n" })
  expect(await sandbox.run('reload', app)).toMatchObject({ code: 0 })
  expect(await text(server)).toBe('repaired')
})
