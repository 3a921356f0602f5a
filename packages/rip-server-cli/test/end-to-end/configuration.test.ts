import { describe, expect, test } from 'bun:test'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Sandbox, type Server, until } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000
const APP = `export default async (request: Request) => new Response('one ' + (await request.arrayBuffer()).byteLength)`

class Shop implements AsyncDisposable {
  readonly sandbox: Sandbox

  private constructor(sandbox: Sandbox) {
    this.sandbox = sandbox
    sandbox.startFolder = join(sandbox.folder, 'shop')
  }

  static async create(config?: string): Promise<Shop> {
    const shop = new Shop(await Sandbox.create())
    await mkdir(shop.sandbox.startFolder)
    await shop.write('index.ts', APP)
    if (config !== undefined) await shop.configure(config)
    return shop
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.sandbox.startFolder, name), `${text}\n`)
  }

  configure(config: string): Promise<void> {
    return this.write('rip-server.config.ts', `export default { ${config} }`)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.sandbox[Symbol.asyncDispose]()
  }
}

/** Uses a new connection, because open ones keep the limits they began with. */
async function post(server: Server, bytes: number): Promise<string> {
  const response = await fetch(server.url, { method: 'POST', body: 'x'.repeat(bytes), keepalive: false })
  return response.status === 200 ? response.text() : String(response.status)
}

function freePort(): number {
  using socket = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  return socket.port
}

describe('a changed configuration', () => {
  test(
    'is in force when reload has finished, and settings that wait for a restart are named',
    async () => {
      await using shop = await Shop.create(`workers: 1, maxBody: '1KiB', port: 0`)
      const { sandbox } = shop
      const server = await sandbox.start('start')
      expect(await post(server, 5_000)).toBe('413')
      await shop.configure(
        `workers: 3, maxBody: '1MiB', port: 4567, drainTimeout: '7s', balancer: { processes: 2, retries: 0 }`,
      )
      const { code, stdout } = await sandbox.run('reload')
      expect([code, stdout.split('\n').slice(1, -1)]).toEqual([
        0,
        [
          'configuration: workers: 1 → 3',
          'configuration: drainTimeout: 30000 ms → 7000 ms',
          'configuration: maxBody: 1024 bytes → 1048576 bytes',
          'configuration: balancer',
          'configuration: port: 0 → 4567 needs rip-server restart --manager',
          'configuration: balancer.processes: 1 → 2 needs rip-server restart --manager',
        ],
      ])
      expect(await post(server, 5_000)).toBe('one 5000')
      const { wantedWorkers, readyWorkers, configuration } = await sandbox.snapshot(server)
      expect([wantedWorkers, readyWorkers, configuration?.values['drainTimeoutMs']]).toEqual([3, 3, 7_000])
      expect((await sandbox.run('status')).stdout).toContain(
        'port: 0 → 4567 needs rip-server restart --manager',
      )
      expect(server.stderr).toContain('configuration: workers: 1 → 3')
      const shown = await sandbox.run('config')
      expect([shown.stdout, shown.stderr]).toEqual([
        expect.stringMatching(/^port +4567$/m),
        expect.stringMatching(/the running server has other values.*:\n  port +0\n/),
      ])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'that is broken is refused with exit 5 and the position, and changes nothing',
    async () => {
      await using shop = await Shop.create(`workers: 1, port: 0`)
      const { sandbox } = shop
      const server = await sandbox.start('start')
      const { generation } = await sandbox.snapshot(server)
      for (const [config, reason] of [
        [`workers: 'three'`, 'rip-server.config.ts:1:18: workers: expected'],
        [`workers: 2, wrokers: 1`, 'rip-server.config.ts:1:30: unknown key wrokers'],
        [`workers: 2, balancer: { retries: 'x' }`, 'balancer.retries'],
        [`port: (() => { throw new Error('no database') })()`, 'no database'],
      ] as const) {
        await shop.configure(config)
        const { code, stderr } = await sandbox.run('reload')
        expect([code, stderr]).toEqual([5, expect.stringContaining(reason)])
      }
      await shop.write('rip-server.config.ts', 'export default { workers: 2')
      const broken = await sandbox.run('reload')
      expect([broken.code, broken.stderr]).toEqual([
        5,
        expect.stringMatching(/rip-server\.config\.ts:\d+:\d+/),
      ])
      expect(await sandbox.snapshot(server)).toMatchObject({
        generation,
        wantedWorkers: 1,
        lastRefusal: { code: 'config-invalid' },
      })
      await shop.configure('workers: 2, port: 0')
      expect((await sandbox.run('reload')).code).toBe(0)
      expect(await sandbox.snapshot(server)).toMatchObject({ wantedWorkers: 2, lastRefusal: null })
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'belongs to its code: it is refused and taken back together with the code',
    async () => {
      await using shop = await Shop.create(`workers: 1, maxBody: '1KiB', port: 0, health: '/up'`)
      const { sandbox } = shop
      const server = await sandbox.start('start')
      await shop.configure(`workers: 2, maxBody: '1MiB', port: 0, health: '/up'`)
      await shop.write('index.ts', 'export default (')
      expect((await sandbox.run('reload')).code).toBe(8)
      expect([await post(server, 5_000), (await sandbox.snapshot(server)).wantedWorkers]).toEqual(['413', 1])
      // The path of the check changes together with the code that answers it.
      await shop.write(
        'index.ts',
        `export default (r: Request) => new Response('two', { status: r.url.endsWith('/up') ? 404 : 200 })`,
      )
      expect((await sandbox.run('reload')).code).toBe(8)
      await shop.configure(
        `workers: 2, maxBody: '1MiB', port: 0, health: '/health?deep=1', healthHost: 'shop.test'`,
      )
      expect((await sandbox.run('reload')).code).toBe(0)
      expect([await post(server, 5_000), (await sandbox.snapshot(server)).wantedWorkers]).toEqual(['two', 2])
      expect((await sandbox.run('rollback')).code).toBe(0)
      await until('the configuration has followed', async () => (await post(server, 5_000)) === '413')
      const { health } = await until('the status tells so, too', async () => {
        const values = (await sandbox.snapshot(server)).configuration?.values
        return values?.['workers'] === 1 ? values : undefined
      })
      expect(health).toBe('/up')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'loses to flags and environment of the start, and keeps a number of workers set by scale',
    async () => {
      await using shop = await Shop.create(`workers: 4, concurrency: 5`)
      const { sandbox } = shop
      sandbox.variables = { WEB_CONCURRENCY: '1' }
      const server = await sandbox.start('start', '--port', '0', '--max-body', '1KiB')
      await sandbox.run('scale', '2')
      await shop.configure(`workers: 3, maxBody: '1MiB', port: 9999, concurrency: 7`)
      const { stdout } = await sandbox.run('reload')
      expect(stdout).not.toContain('needs')
      expect(stdout).toContain('concurrency: 5 → 7')
      expect(await post(server, 5_000)).toBe('413')
      expect((await sandbox.snapshot(server)).wantedWorkers).toBe(2)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'may be removed, added, or named differently',
    async () => {
      await using shop = await Shop.create()
      const { sandbox } = shop
      const server = await sandbox.start('start', '--port', '0', '-w', '1')
      await shop.configure(`maxBody: '1KiB'`)
      expect((await sandbox.run('reload')).stdout).toContain('maxBody: 10MiB → 1024 bytes')
      expect(await post(server, 5_000)).toBe('413')
      await rm(join(sandbox.startFolder, 'rip-server.config.ts'))
      expect((await sandbox.run('reload')).code).toBe(0)
      expect(await post(server, 5_000)).toBe('one 5000')
      await sandbox.run('stop')

      const path = join(sandbox.folder, 'elsewhere.ts')
      await writeFile(path, `export default { maxBody: '1KiB', concurrency: 5 }`)
      const other = await sandbox.start('start', '.', '--port', '0', '-w', '1', '--config', path)
      await writeFile(path, `export default { maxBody: '1MiB', concurrency: 6 }`)
      expect((await sandbox.run('reload')).stdout).toContain(
        'serves already; nothing changed on disk\nconfiguration: concurrency: 5 → 6',
      )
      expect(await post(other, 5_000)).toBe('one 5000')
      await writeFile(path, `export default {`)
      expect((await sandbox.run('reload')).code).toBe(5)
      await rm(path)
      expect((await sandbox.run('reload')).code).toBe(5)
      expect(await post(other, 5_000)).toBe('one 5000')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is read again on HUP, and in development on a save, also of a file it imports',
    async () => {
      await using shop = await Shop.create()
      const { sandbox } = shop
      await shop.write('limits.ts', `export const body = '1KiB'`)
      await shop.write(
        'rip-server.config.ts',
        `import { body } from './limits.ts'\nexport default { maxBody: body, port: 0, workers: 1 }`,
      )
      const server = await sandbox.start('dev')
      expect(await post(server, 5_000)).toBe('413')
      await shop.write('limits.ts', `export const body = '1MiB'`)
      await until('the save is in force', async () => (await post(server, 5_000)) === 'one 5000')
      await shop.write('limits.ts', `export const body = 'much'`)
      await until('it is refused', () => server.stderr.includes('maxBody: expected a size'))
      expect(await post(server, 5_000)).toBe('one 5000')
      // A later save does not wait for an evaluation that never ends.
      await shop.write('limits.ts', `while (true) {}`)
      await until('it is evaluated', async () => (await sandbox.commands()).includes('config-evaluator'))
      await shop.write('limits.ts', `export const body = '2KiB'`)
      const savedMs = performance.now()
      await until('the next save is in force', async () => (await post(server, 5_000)) === '413')
      expect(performance.now() - savedMs).toBeLessThan(15_000)
      expect(await sandbox.commands()).not.toContain('config-evaluator')

      await using other = await Shop.create(`maxBody: '1KiB', port: 0, workers: 1`)
      const production = await other.sandbox.start('start')
      await other.configure(`maxBody: '1MiB', port: 0, workers: 1`)
      production.kill('SIGHUP')
      await until('the signal is followed', async () => (await post(production, 5_000)) === 'one 5000')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'may be in package.json, which is read again on a save, too',
    async () => {
      await using shop = await Shop.create()
      const { sandbox } = shop
      await shop.write('jobs.ts', 'setInterval(() => {}, 1_000)')
      await shop.write('package.json', '{}')
      const server = await sandbox.start('dev', '--port', '0')
      await shop.write('package.json', '{ "rip": { "background": ["jobs.ts"] } }')
      await server.says('configuration: background: none → jobs needs rip-server restart --manager')
      await shop.write('package.json', '{ "rip": { "background": 7 } }')
      await server.says('"rip.background": expected files')
      expect(await post(server, 5_000)).toBe('one 5000')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'may be that .env files count no more, which bunfig.toml says',
    async () => {
      await using shop = await Shop.create()
      await shop.write('.env', 'WEB_CONCURRENCY=1')
      const server = await shop.sandbox.start('dev', '--port', '0')
      await shop.write('bunfig.toml', 'env = false')
      await server.says('configuration: workers: 1 → 2')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'of the port is in force after restart --manager, without a lost request',
    async () => {
      const [first, second] = [freePort(), freePort()]
      await using shop = await Shop.create(`port: ${first}, workers: 1`)
      const { sandbox } = shop
      const server = await sandbox.start('start', '--bind', '127.0.0.1')
      await shop.configure(`port: ${second}, workers: 'many'`)
      const refused = await sandbox.run('restart', '--manager')
      expect([refused.code, refused.stderr]).toEqual([8, expect.stringContaining('workers: expected')])
      await shop.configure(`port: ${second}, workers: 1`)
      expect((await sandbox.run('restart', '--manager')).code).toBe(0)
      expect(await (await fetch(`http://127.0.0.1:${second}`)).text()).toBe('one 0')
      await until('the one before has left', () =>
        fetch(server.url).then(
          () => false,
          () => true,
        ),
      )
    },
    TEST_TIMEOUT_MS,
  )
})
