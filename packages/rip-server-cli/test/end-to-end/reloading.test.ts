import { describe, expect, test } from 'bun:test'
import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type LoadReport, startLoad } from '../load.ts'
import { Sandbox, until } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000

async function edit(path: string, change: (text: string) => string): Promise<void> {
  await writeFile(path, change(await readFile(path, 'utf8')))
}

/** Generations that answered, each once, in the order of their first answers. */
function generations(report: LoadReport): unknown[] {
  return [...new Set(report.answers.map((answer) => answer['generation']))]
}

describe('saving a .rip file', () => {
  test(
    'switches to the new code without losing a request',
    async () => {
      await using sandbox = await Sandbox.create()
      const app = await sandbox.demo()
      const server = await sandbox.start('dev', app, 'w:2', '0')
      const load = startLoad({ url: server.url, path: '/api/whoami', perSecond: 100 })
      for (const name of ['first', 'second', 'third']) {
        await edit(join(app, 'lib/worker.rip'), (text) =>
          text.replace(/^ {4}pid:.*$/m, `$&\n    ${name}: true`),
        )
        await until(
          `the ${name} change is served`,
          async () => (await server.json('/api/whoami'))[name] === true,
        )
      }
      const report = await load.stop()
      expect(report.failures).toEqual([])
      expect(generations(report)).toHaveLength(4)
      await server.says('✓ ')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'with a mistake leaves the old code serving, and prints why',
    async () => {
      await using sandbox = await Sandbox.create()
      const app = await sandbox.demo()
      const server = await sandbox.start('dev', app, 'w:2', '0')
      const before = await server.json('/api/whoami')
      const load = startLoad({ url: server.url, path: '/api/whoami', perSecond: 100 })
      const file = join(app, 'routes/status.rip')
      const good = await readFile(file, 'utf8')
      await writeFile(file, `${good}\nbroken = (\n`)
      const told = await server.says('refused')
      expect(told).toContain('routes/status.rip')

      const reload = await sandbox.run('reload')
      expect(reload.code).toBe(8)
      expect(reload.stderr).toContain('broken = (')
      const status = JSON.parse((await sandbox.run('status', '--json')).stdout) as {
        generation: string
        lastRefusal: { code: string; message: string }
      }
      expect(status.generation).toBe(String(before['generation']))
      expect(status.lastRefusal.code).toBe('build-failed')

      await writeFile(file, `${good}\nstatus.get '/fixed', (c) -> c.json { fixed: true }\n`)
      await until('the corrected code serves', async () => (await fetch(`${server.url}/fixed`)).ok)
      const report = await load.stop()
      expect(report.failures).toEqual([])
      expect(server.stderr.split('refused').length - 1).toBe(1)
    },
    TEST_TIMEOUT_MS,
  )
})

describe('reload', () => {
  test(
    'switches to new code in production, where no watcher runs',
    async () => {
      await using sandbox = await Sandbox.create()
      const app = await sandbox.fixture('ts-app')
      const server = await sandbox.start(app, 'w:2', '0')
      await edit(join(app, 'greeting.ts'), (text) => text.replace('hello', 'good day'))
      const { code, stdout } = await sandbox.run('reload', app)
      expect([code, stdout]).toEqual([0, expect.stringMatching(/^\w+ → \w+ in \d/)])
      expect(await (await fetch(server.url)).text()).toBe('good day from TypeScript')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'waits for a slow request of the old code',
    async () => {
      await using sandbox = await Sandbox.create()
      const app = await sandbox.demo()
      const server = await sandbox.start('dev', app, 'w:1', '0')
      const before = await server.json('/api/whoami')
      const slow = server.json('/slow?ms=1500')
      const streamed = fetch(`${server.url}/stream?lines=15&pause=100`).then((response) => response.text())
      await edit(join(app, 'views/home.rip'), (text) => text.replace('Hello from Rip', 'Changed'))
      await until('the change is served', async () =>
        (await (await fetch(server.url)).text()).includes('Changed'),
      )
      expect((await slow)['me']).toMatchObject({ pid: before['pid'], generation: before['generation'] })
      expect(await streamed).toEndWith('line 15 of 15\n')
    },
    TEST_TIMEOUT_MS,
  )
})

test(
  'reload serves the release that a link leads to now, also when the server was started inside the link',
  async () => {
    await using sandbox = await Sandbox.create()
    const releases = [1, 2].map((n) => join(sandbox.folder, `release-${n}`))
    for (const [n, folder] of releases.entries()) {
      await mkdir(folder)
      await writeFile(join(folder, 'index.js'), `export default () => Response.json({ release: ${n + 1} })`)
    }
    const current = join(sandbox.folder, 'current')
    await symlink(releases[0]!, current)
    sandbox.startFolder = current
    const server = await sandbox.start('start', 'w:1', '0', '-b', '127.0.0.1')
    expect(await server.json('/')).toEqual({ release: 1 })
    await symlink(releases[1]!, `${current}.new`)
    await rename(`${current}.new`, current)
    expect(await sandbox.run('reload')).toMatchObject({ code: 0 })
    expect(await server.json('/')).toEqual({ release: 2 })
  },
  TEST_TIMEOUT_MS,
)

test(
  'a changed .env is read by the next generation, also when the server was started in its folder',
  async () => {
    await using sandbox = await Sandbox.create()
    await writeFile(
      join(sandbox.folder, 'index.js'),
      'export default () => Response.json({ key: process.env.SECRET ?? null, other: process.env.OTHER ?? null })',
    )
    await writeFile(join(sandbox.folder, '.env'), 'SECRET=one\nOTHER=1\n')
    const server = await sandbox.start('start', 'w:1', '0', '-b', '127.0.0.1')
    expect(await server.json('/')).toEqual({ key: 'one', other: '1' })
    await writeFile(join(sandbox.folder, '.env'), 'SECRET=two\n')
    expect(await sandbox.run('reload')).toMatchObject({ code: 0 })
    expect(await server.json('/')).toEqual({ key: 'two', other: null })
  },
  TEST_TIMEOUT_MS,
)

test(
  'an application in a folder that is otherwise ignored, such as dist, is reloaded like any other',
  async () => {
    await using sandbox = await Sandbox.create()
    const dist = join(sandbox.folder, 'dist')
    await mkdir(dist)
    await writeFile(join(sandbox.folder, 'package.json'), '{}')
    const build = async (version: number): Promise<void> => {
      await writeFile(join(dist, 'version.js'), `export const version = ${version}`)
      await writeFile(
        join(dist, 'server.js'),
        `import { version } from './version.js'\nexport default () => Response.json({ version })`,
      )
    }
    await build(1)
    const server = await sandbox.start('start', 'dist/server.js', 'w:1', '0', '-b', '127.0.0.1')
    expect(await server.json('/')).toEqual({ version: 1 })
    await build(2)
    expect(await sandbox.run('reload')).toMatchObject({ code: 0 })
    expect(await server.json('/')).toEqual({ version: 2 })
  },
  TEST_TIMEOUT_MS,
)
