import { describe, expect, test } from 'bun:test'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { commandOf, descendantsOf, processesMarked } from '@rip/testing'
import { Sandbox, until } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000
const APP = `export default () => Response.json([process.env.NODE_ENV, process.env.DB])`
const DATABASES = {
  '.env.development': 'DB=development\nPORT=1',
  '.env.production': 'DB=production\nWEB_CONCURRENCY=1',
  '.env.test': 'DB=test',
}

async function appWith(files: Readonly<Record<string, string>>): Promise<Sandbox> {
  const sandbox = await Sandbox.create()
  sandbox.startFolder = join(sandbox.folder, 'shop')
  await mkdir(sandbox.startFolder)
  for (const [name, text] of Object.entries({ 'index.ts': APP, ...DATABASES, ...files }))
    await writeFile(join(sandbox.startFolder, name), `${text}\n`)
  return sandbox
}

const seen = async (url: string): Promise<unknown> => (await fetch(url)).json()

test(
  'processes do not contend for the address of a debugger, neither those of a server nor its commands',
  async () => {
    await using sandbox = await appWith({ 'rip-server.config.ts': 'export default {}' })
    using taken = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    sandbox.variables = { BUN_INSPECT: `127.0.0.1:${taken.port}` }
    const server = await sandbox.start('dev', '--port', '0')
    expect(await seen(server.url)).toEqual(['development', 'development'])
    expect(server.stderr).not.toContain('inspector')
    expect(await sandbox.run('reload', '--wait')).toMatchObject({ code: 0 })
  },
  TEST_TIMEOUT_MS,
)

test(
  'the balancer, which reads what anybody sends, has no secret of the application in its environment',
  async () => {
    await using sandbox = await appWith({})
    sandbox.variables = { DB: 'postgres://shop:secret@db/shop' }
    const server = await sandbox.start('start', '--port', '0', '--workers', '1')
    expect(await seen(server.url)).toEqual(['production', 'postgres://shop:secret@db/shop'])
    const balancer = descendantsOf(server.pid).find((pid) => commandOf(pid).includes('rip-balancer'))
    const informed = processesMarked('shop:secret@db')
    expect(informed).toContain(server.pid)
    expect(informed).not.toContain(balancer!)
  },
  TEST_TIMEOUT_MS,
)

describe('the application gets its NODE_ENV, and the .env files of that mode:', () => {
  test.each([
    ['start', {}, {}, ['production', 'production']],
    ['manager', {}, {}, ['production', 'production']],
    ['dev', {}, {}, ['development', 'development']],
    ['worker', {}, {}, ['development', 'development']],
    ['start', { NODE_ENV: 'development' }, {}, ['development', 'development']],
    ['start', { NODE_ENV: '' }, {}, ['production', 'production']],
    ['start', { NODE_ENV: 'staging' }, {}, ['staging', 'production']],
    ['dev', { NODE_ENV: 'test' }, { '.env.local': 'DB=mine' }, ['test', 'test']],
    ['dev', { NODE_ENV: 'production' }, {}, ['production', 'production']],
    ['start', {}, { '.env': 'NODE_ENV=development' }, ['development', 'development']],
    ['start', {}, { '.env': 'NODE_ENV=staging' }, ['staging', 'production']],
    ['start', { NODE_ENV: 'production' }, { '.env': 'NODE_ENV=development' }, ['production', 'production']],
    [
      'start',
      {},
      { '.env.development': 'NODE_ENV=development\nDB=development' },
      ['production', 'production'],
    ],
    [
      'start',
      { NODE_ENV: 'development' },
      { '.env.development': 'NODE_ENV=development\nDB=development' },
      ['development', 'development'],
    ],
    ['start', { BUN_ENV: 'development' }, {}, ['production', 'development']],
    ['start', {}, { '.env.local': 'DB=mine' }, ['production', 'mine']],
    [
      'start',
      {},
      {
        '.env.development': `HOST=db\nDB='pg://$HOST/development'`,
        '.env.production': 'HOST=db\nDB=pg://${HOST}/production',
      },
      ['production', 'pg://db/production'],
    ],
  ] as const)(
    '%s with %j and %j',
    async (command, variables, files, expected) => {
      await using sandbox = await appWith(files)
      sandbox.variables = variables
      if (command === 'manager' || command === 'worker') {
        const socket = join(sandbox.folder, 'w.sock')
        if (command === 'worker') {
          const worker = sandbox.launch('worker', '--bind', `unix:${socket}`)
          await until(
            'it serves',
            () => worker.stdout.includes('listening') || worker.stderr.includes('listening'),
          )
          return expect(await (await fetch('http://app/', { unix: socket })).json()).toEqual([...expected])
        }
        const server = sandbox.launch('manager', '--workers', '1')
        await until('it serves', () => server.stderr.includes('serving after'))
        const [worker] = (await sandbox.snapshot(server)).workers
        return expect(await (await fetch('http://app/', { unix: worker!.socket })).json()).toEqual([
          ...expected,
        ])
      }
      const server = await sandbox.start(command, '--port', '0', '--workers', '1')
      expect(await seen(server.url)).toEqual([...expected])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'the .env files of the folder where the server was started add to those of the application',
    async () => {
      await using sandbox = await appWith({ '.env.production': 'OTHER=1' })
      sandbox.startFolder = sandbox.folder
      await writeFile(join(sandbox.folder, '.env.development'), 'DB=outer-development\n')
      await writeFile(join(sandbox.folder, '.env.production'), 'DB=outer-production\n')
      const server = await sandbox.start('start', 'shop', '--port', '0', '--workers', '1')
      expect(await seen(server.url)).toEqual(['production', 'outer-production'])
    },
    TEST_TIMEOUT_MS,
  )
})

test(
  'in development, a .env file of the folder where the server was started is taken up when it appears and when it changes',
  async () => {
    await using sandbox = await appWith({})
    const outer = join(sandbox.folder, '.env.local')
    await rm(join(sandbox.startFolder, '.env.development'))
    sandbox.startFolder = sandbox.folder
    const server = await sandbox.start('dev', './shop', '--port', '0', '--workers', '1')
    expect(await seen(server.url)).toEqual(['development', null])
    for (const name of ['first', 'second']) {
      await writeFile(outer, `DB=${name}\n`)
      await until(`it has the ${name}`, async () =>
        Bun.deepEquals(await seen(server.url), ['development', name]),
      )
    }
  },
  TEST_TIMEOUT_MS,
)

test(
  'settings can come from .env files of the mode, and config shows which file',
  async () => {
    await using sandbox = await appWith({ '.env.production': 'PORT=8123', '.env': 'NODE_ENV=staging' })
    const { stdout } = await sandbox.run('config', '--sources')
    const rows = Object.fromEntries(stdout.split('\n').map((line) => [line.split(' ')[0], line.split(/  +/)]))
    expect(rows['port']).toEqual(['port', '8123', 'PORT in .env.production'])
    expect(rows['NODE_ENV']).toEqual(['NODE_ENV', 'staging', '.env'])
    await writeFile(join(sandbox.startFolder, '.env.production'), 'PORT=many\n')
    const refused = await sandbox.run('start')
    expect([refused.code, refused.stderr]).toEqual([
      5,
      expect.stringContaining('PORT in .env.production: expected a whole number from 0 to 65535, got "many"'),
    ])
  },
  TEST_TIMEOUT_MS,
)

test(
  'the configuration is evaluated with the same NODE_ENV',
  async () => {
    await using sandbox = await appWith({
      'rip-server.config.ts': 'export default { name: process.env.NODE_ENV + "-" + process.env.DB }',
    })
    expect((await sandbox.run('config', '--json')).stdout).toContain('"name": "production-production"')
  },
  TEST_TIMEOUT_MS,
)

test(
  'a reload reads the .env files of the mode again, and other .env files are no change',
  async () => {
    await using sandbox = await appWith({})
    const server = await sandbox.start('start', '--port', '0', '--workers', '1')
    await writeFile(join(sandbox.startFolder, '.env.development'), 'DB=changed\n')
    await rm(join(sandbox.startFolder, '.env.test'))
    expect((await sandbox.run('reload')).stdout).toContain('serves already; nothing changed on disk')
    await writeFile(join(sandbox.startFolder, '.env.production'), 'DB=moved\n')
    expect((await sandbox.run('reload')).code).toBe(0)
    expect(await seen(server.url)).toEqual(['production', 'moved'])
    await writeFile(join(sandbox.startFolder, '.env'), 'NODE_ENV=staging\n')
    expect((await sandbox.run('reload')).code).toBe(0)
    expect(await seen(server.url)).toEqual(['staging', 'moved'])
  },
  TEST_TIMEOUT_MS,
)

test(
  'a worker that replaces a dead one has the environment of its generation, and so has one after a rollback',
  async () => {
    await using sandbox = await appWith({})
    const server = await sandbox.start('start', '--port', '0', '--workers', '1')
    const killWorker = async (): Promise<void> => {
      const [{ pid } = { pid: 0 }] = (await sandbox.snapshot(server)).workers
      process.kill(pid, 'SIGKILL')
      await until('another one is ready', async () => {
        const { workers, readyWorkers } = await sandbox.snapshot(server)
        return readyWorkers === 1 && workers.every((worker) => worker.pid !== pid)
      })
    }
    await writeFile(join(sandbox.startFolder, '.env.production'), 'DB=second\n')
    await writeFile(join(sandbox.startFolder, '.env.local'), 'LATER=1\nDB=third\n')
    await killWorker()
    expect(await seen(server.url)).toEqual(['production', 'production'])
    expect((await sandbox.run('reload')).code).toBe(0)
    expect(await seen(server.url)).toEqual(['production', 'third'])
    expect((await sandbox.run('rollback')).code).toBe(0)
    expect(await seen(server.url)).toEqual(['production', 'production'])
    await killWorker()
    expect(await seen(server.url)).toEqual(['production', 'production'])
  },
  TEST_TIMEOUT_MS,
)

describe('a FIFO that would block is refused at once:', () => {
  test.each(['.env', '.env.local', 'bunfig.toml', 'package.json', 'rip-server.config.ts'])(
    'a FIFO named %s, at a start and at a reload',
    async (name) => {
      await using sandbox = await appWith({})
      const path = join(sandbox.startFolder, name)
      const server = await sandbox.start('start', '--port', '0', '--workers', '1')
      expect(Bun.spawnSync(['mkfifo', path]).exitCode).toBe(0)
      const reload = await sandbox.run('reload')
      expect([reload.code, reload.stderr]).toEqual([5, expect.stringContaining('it is no regular file')])
      expect(await seen(server.url)).toEqual(['production', 'production'])
      for (const command of ['start', 'check', 'config']) {
        const refused = await sandbox.run(command, 'index.ts', '--port', '0')
        expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining(path)])
        expect(refused.stderr).toContain('it is no regular file')
      }
    },
    TEST_TIMEOUT_MS,
  )

  test.each(['.env', 'bunfig.toml'])(
    'a FIFO named %s, before a worker alone',
    async (name) => {
      await using sandbox = await appWith({})
      expect(Bun.spawnSync(['mkfifo', join(sandbox.startFolder, name)]).exitCode).toBe(0)
      const refused = await sandbox.run('worker')
      expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining('it is no regular file')])
    },
    TEST_TIMEOUT_MS,
  )
})
