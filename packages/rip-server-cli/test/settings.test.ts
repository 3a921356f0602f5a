import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { balancerConfig } from '@rip/server'
import type { Mode, ServerError } from '@rip/server/settings'
import { readConfigFile, type ResolvedSettings, resolveSettings } from '@rip/server/sources'
import { parseCommandLine } from '../src/command-line/command-line.ts'
import { expectedExitCode } from '../src/expected-exit-code.ts'

let folder: string

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'rip-settings-')))
})

afterAll(() => rm(folder, { recursive: true }))

interface Sources {
  readonly args?: readonly string[]
  readonly env?: Record<string, string>
  readonly config?: string
  readonly mode?: Mode
}

async function resolved({
  args = [],
  env = {},
  config,
  mode = 'production',
}: Sources): Promise<ResolvedSettings> {
  const path = join(folder, `rip-server.config.${Bun.hash(config ?? '')}.ts`)
  if (config !== undefined) await writeFile(path, config)
  const file = config === undefined ? undefined : await readConfigFile(path, { mode, command: 'start' })
  return resolveSettings({ mode, cwd: folder, flags: parseCommandLine(args).flags, env, file })
}

interface Refused extends Pick<ServerError, 'code' | 'message'> {
  readonly exitCode: number | undefined
}

async function refused(sources: Sources): Promise<Refused> {
  return resolved(sources).then(
    () => expect.unreachable(),
    (error: ServerError) => ({
      code: error.code,
      message: error.message,
      exitCode: expectedExitCode(error),
    }),
  )
}

describe('a value comes from', () => {
  const config = 'export default { port: 5000 }'

  test('a file that imports rip-server, in an application that has no such package', async () => {
    const { settings } = await resolved({
      config: `import { defineConfig } from 'rip-server'\nexport default defineConfig(({ mode }) => ({ name: mode }))`,
    })
    expect(settings.name).toBe('production')
  })

  test('the flag before everything', async () => {
    const { settings, origins } = await resolved({ args: ['-p', '7000'], env: { PORT: '6000' }, config })
    expect([settings.port, origins.port]).toEqual([7000, '-p 7000'])
  })

  test('the environment before the file', async () => {
    const { settings, origins } = await resolved({ env: { PORT: '6000', WEB_CONCURRENCY: '3' }, config })
    expect([settings.port, origins.port, settings.workers]).toEqual([6000, 'PORT', 3])
  })

  test('without the blanks around it, such as the line end of a file of Windows', async () => {
    const { settings } = await resolved({ env: { PORT: '6000\r', WEB_CONCURRENCY: ' 3 ' } })
    expect([settings.port, settings.workers]).toEqual([6000, 3])
    expect((await resolved({ env: { PORT: '\r' } })).settings.port).toBe(3000)
  })

  test('the file before the default, with its position', async () => {
    const { settings, origins } = await resolved({ config })
    expect(settings.port).toBe(5000)
    expect(origins.port).toMatch(/^rip-server\.config\.\d+\.ts:1:18$/)
  })

  test('a switch that says no', async () => {
    const { settings, origins } = await resolved({
      args: ['--no-live'],
      config: 'export default { live: true }',
    })
    expect([settings.live, origins.live]).toEqual([false, '--no-live'])
    expect((await resolved({ config: 'export default { live: false }' })).settings.live).toBe(false)
    expect((await resolved({})).settings.live).toBe(true)
    expect(await refused({ config: "export default { live: 'no' }" })).toMatchObject({
      message: expect.stringContaining('live: expected true or false, got "no"'),
      exitCode: 5,
    })
  })

  test('the default of the mode', async () => {
    expect((await resolved({ mode: 'development' })).settings.workers).toBe(2)
    const { settings, origins } = await resolved({})
    expect([settings.port, origins.port, settings.drainTimeoutMs]).toEqual([3000, 'default', 30_000])
  })
})

describe('the file', () => {
  test('may be a function of the mode', async () => {
    const config = `export default async ({ mode, command }) => ({ name: mode + '-' + command, hotfix: true, maxMemory: '64MiB' })`
    const { settings } = await resolved({ config })
    expect([settings.name, settings.hotfix, settings.maxMemoryBytes]).toEqual([
      'production-start',
      true,
      67_108_864,
    ])
  })

  test('may print', async () => {
    const { settings } = await resolved({ config: 'console.log("rip"); export default { port: 1 }' })
    expect(settings.port).toBe(1)
  })

  test('is refused with every error and its position', async () => {
    const config = `export default {\n  port: 'many',\n  wrokers: 4,\n  drainTimeout: 30,\n}\n`
    const error = await refused({ config, env: { WEB_CONCURRENCY: 'all' } })
    expect([error.code, error.exitCode]).toEqual(['CONFIG_INVALID', 5])
    const lines = error.message.replace(/config\.\d+/g, 'config').split('\n')
    expect(lines).toEqual([
      'the configuration has 4 errors:',
      '  rip-server.config.ts:3:3: unknown key wrokers; did you mean workers?',
      '  rip-server.config.ts:2:3: port: expected a whole number from 0 to 65535, got "many"',
      '  environment WEB_CONCURRENCY: expected "auto" or a whole number from 1 to 512, got "all"',
      '  rip-server.config.ts:4:3: drainTimeout: expected a duration such as 250ms, 30s or 5m, got "30"; did you mean 30s?',
    ])
  })

  test('sets no variables of the application, and says where they belong', async () => {
    const { message } = await refused({ config: `export default { env: { DATABASE: 'shop' } }` })
    expect(message).toEndWith(
      'unknown key env; variables of the application belong in the environment or in .env files',
    )
  })

  test('that throws or exports nothing is refused with its reason', async () => {
    const thrown = await refused({ config: 'throw new Error("no database url")' })
    expect([thrown.exitCode, thrown.message]).toEqual([5, expect.stringContaining('no database url')])
    const empty = await refused({ config: 'export const port = 1' })
    expect([empty.exitCode, empty.message]).toEqual([
      5,
      expect.stringContaining('default export is not an object'),
    ])
  })
})

describe('the balancer', () => {
  test('drains a little longer than the workers, which report what they cut off, unless configured otherwise', async () => {
    const drainOf = async (sources: Sources): Promise<unknown> =>
      balancerConfig((await resolved(sources)).settings, { listen: ':80', adminPath: '/a' }).timeouts?.drain
    const config = `export default { drainTimeout: '2m', balancer: { timeouts: { idle: '5s' } } }`
    expect(await drainOf({})).toBe(32_000)
    expect(await drainOf({ config })).toBe(122_000)
    expect(await drainOf({ config, args: ['--drain-timeout', '5s'] })).toBe(7_000)
    expect(await drainOf({ config: `export default { balancer: { timeouts: { drain: '1s' } } }` })).toBe('1s')
  })

  test('keeps the key of its cookies when it is replaced, unless the file has one', async () => {
    const place = { listen: ':80', adminPath: '/a', stickyKey: 'of the server' }
    const cookieOf = async (cookie: string): Promise<unknown> => {
      const config = `export default { balancer: { policy: 'sticky', ${cookie} } }`
      return balancerConfig((await resolved({ config })).settings, place).stickyCookie
    }
    expect(await cookieOf('')).toEqual({ key: 'of the server' })
    expect(await cookieOf(`stickyCookie: 'at'`)).toEqual({ key: 'of the server', name: 'at' })
    const key = 'sixteen characters'
    expect(await cookieOf(`stickyCookie: { path: '/a', key: '${key}' }`)).toEqual({ key, path: '/a' })
  })

  test('passes fields with underscores on, which workers tell from hyphens, unless configured otherwise', async () => {
    const place = { listen: ':80', adminPath: '/a' }
    const forwardingOf = async (config?: string): Promise<unknown> =>
      balancerConfig((await resolved(config === undefined ? {} : { config })).settings, place).forwarding
    expect(await forwardingOf()).toEqual({ underscores: 'pass' })
    const drops = `export default { balancer: { forwarding: { trust: ['unix'], underscores: 'drop' } } }`
    expect(await forwardingOf(drops)).toEqual({ trust: ['unix'], underscores: 'drop' })
  })

  test('takes its options from the file, with the log file relative to it', async () => {
    const config = `export default { balancer: { limits: { body: '2MiB' }, accessLog: { file: 'a.log' }, processes: 2 } }`
    const { settings, origins } = await resolved({ config, args: ['--max-body', '1MiB'] })
    expect(settings.balancer).toEqual({
      limits: { body: '2MiB' },
      accessLog: { file: join(folder, 'a.log') },
      processes: 2,
    })
    expect(settings.maxBodyBytes).toBe(1_048_576)
    expect(origins.balancer).toMatch(/^rip-server\.config\.\d+\.ts:1:18$/)
  })

  test('is refused with every error of its options', async () => {
    const config = `export default { balancer: { limits: { bdy: 1 }, listen: ':80', processes: 0 }, accessLog: 'xml' }`
    const error = await refused({ config })
    expect(error.exitCode).toBe(5)
    const lines = error.message.replace(/config\.\d+/g, 'config').split('\n')
    expect(lines).toEqual([
      'the configuration has 4 errors:',
      '  rip-server.config.ts:1:81: accessLog: expected one of none, text, json, got "xml"',
      '  rip-server.config.ts:1:18: balancer.listen: cannot be set here; port and bind say where it listens',
      '  rip-server.config.ts:1:18: balancer.processes: expected a whole number from 1 to 64, got 0',
      '  rip-server.config.ts:1:18: balancer.limits.bdy: unknown key; did you mean body?',
    ])
  })

  test('is refused if it allows more fields than workers accept', async () => {
    const { exitCode, message } = await refused({
      config: `export default { balancer: { limits: { fields: 300 } } }`,
    })
    expect([exitCode, message]).toEqual([
      5,
      expect.stringContaining('balancer.limits.fields: workers take no more than 186, got 300'),
    ])
  })

  test('is refused if it allows longer heads than workers take', async () => {
    const limited = (head: string): Sources => ({
      config: `export default { balancer: { limits: { head: ${head} } } }`,
    })
    for (const head of [`'2MiB'`, '2000000'])
      expect((await refused(limited(head))).message).toContain(
        'balancer.limits.head: workers take no more than 1MiB, got 2',
      )
    await resolved(limited(`'1MiB'`))
  })

  test('requires a certificate with its key, or neither', async () => {
    const flag = await refused({ args: ['--tls-cert', 'a.pem'] })
    expect([flag.exitCode, flag.message]).toEqual([2, expect.stringContaining('--tls-cert: needs --tls-key')])
    const file = await refused({ config: `export default { tlsKey: 'a.pem' }` })
    expect([file.exitCode, file.message]).toEqual([5, expect.stringContaining('--tls-key: needs --tls-cert')])
    const both = await resolved({ config: `export default { tlsKey: 'k.pem', tlsCert: 'c.pem' }` })
    expect([both.settings.tlsCert, both.settings.tlsKey]).toEqual([
      join(folder, 'c.pem'),
      join(folder, 'k.pem'),
    ])
  })
})

test('two flags that name different ports are refused, and a port for a Unix socket', async () => {
  const problem = async (...args: string[]): Promise<string> => (await refused({ args })).message
  expect(await problem('--bind', '127.0.0.1:80', '--port', '90')).toContain('name two ports; keep one')
  expect(await problem('--bind', '[::1]:80', 'start', '90')).toContain('name two ports; keep one')
  expect(await problem('--bind', 'unix:/run/a.sock', '-p', '90')).toContain('a Unix socket has no port')
  for (const bind of ['127.0.0.1:80', '::1', 'localhost'])
    expect((await resolved({ args: ['--bind', bind, '--port', '80'] })).settings.port).toBe(80)
})

test('only wrong flags are a usage error', async () => {
  const error = await refused({ args: ['--port', 'x', '--health', 'up'] })
  expect(error.exitCode).toBe(2)
  expect(error.message).toContain('--port: expected a whole number from 0 to 65535, got "x"')
  expect(error.message).toContain('--health: expected a path that starts with /, such as /up, got "up"')
})
