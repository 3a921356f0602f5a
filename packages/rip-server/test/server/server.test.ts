import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, ServerError, type ServerOptions } from '@rip/server'

const TEST_TIMEOUT_MS = 60_000

/** In a longer path there would be no room for run directories with names of sockets. */
const MAX_TMPDIR_CHARS = 18

class Application implements AsyncDisposable {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  static async create(text = 'one'): Promise<Application> {
    const parent = tmpdir().length <= MAX_TMPDIR_CHARS ? tmpdir() : '/tmp'
    const application = new Application(await realpath(await mkdtemp(join(parent, 'rip-'))))
    await application.says(text)
    return application
  }

  says(text: string): Promise<void> {
    const code = `export default (request, { workerId }) => new Response('${text} ' + process.env.COLOUR + ' ' + workerId)\n`
    return writeFile(join(this.folder, 'index.js'), code)
  }

  /** Options of a small server for the application. */
  options(more: ServerOptions = {}): ServerOptions {
    return { app: this.folder, port: 0, bind: '127.0.0.1', workers: 1, output: 'none', ...more }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    // ESRCH
    return false
  }
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no failure',
    (error: unknown) => error,
  )
}

function failureIn(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}

describe('a server', () => {
  test(
    'serves an application from its start to its close, and leaves nothing behind',
    async () => {
      await using app = await Application.create()
      const env = { ...process.env, COLOUR: 'blue' }
      const server = createServer(app.options({ env }))
      expect([server.url, server.status, server.runDir]).toEqual([undefined, undefined, undefined])
      await server.start()
      expect(await (await server.fetch('/')).text()).toBe('one blue 1')
      expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
      expect(server.status).toMatchObject({ health: 'ok', readyWorkers: 1 })
      const { runDir = '' } = server
      expect(existsSync(runDir)).toBe(true)
      expect(await server.close()).toEqual({ abandoned: 0 })
      expect(existsSync(runDir)).toBe(false)
      expect(await failureOf(server.fetch('/'))).toBeInstanceOf(Error)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'emits events, also to listeners that were added before its start',
    async () => {
      await using app = await Application.create()
      const seen: string[] = []
      await using server = createServer(app.options())
      using _ready = server.on('ready', ({ workers }) => seen.push(`ready ${workers}`))
      using _cut = server.on('generation-cut', () => seen.push('cut'))
      const unheard = server.on('stopped', () => seen.push('stopped'))
      unheard[Symbol.dispose]()
      await server.start()
      expect(seen).toContain('ready 1')
      using _scaled = server.on('scaled', ({ workers }) => seen.push(`scaled ${workers}`))
      await server.scale(2)
      await server.close()
      expect(seen.at(-1)).toBe('scaled 2')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'reloads, rolls back, and holds reloads',
    async () => {
      await using app = await Application.create()
      await using server = createServer(app.options())
      await server.start()
      await app.says('two')
      expect(await server.reload()).toMatchObject({ ok: true, unchanged: false })
      expect(await (await server.fetch('/')).text()).toStartWith('two')
      expect(await server.rollback()).toMatchObject({ ok: true })
      expect(await (await server.fetch('/')).text()).toStartWith('one')
      await server.hold()
      expect(await server.reload()).toMatchObject({ ok: false, refusal: { code: 'held' } })
      await server.resume()
      await writeFile(join(app.folder, 'index.js'), 'export default {')
      expect(await server.reload()).toMatchObject({ ok: false, refusal: { code: 'boot-failed' } })
      expect(await (await server.fetch('/')).text()).toStartWith('one')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'can run beside others of the same application',
    async () => {
      await using app = await Application.create()
      await using one = createServer(app.options())
      await using other = createServer(app.options({ bind: `unix:${join(app.folder, 'other.sock')}` }))
      await Promise.all([one.start(), other.start()])
      expect(await (await one.fetch('/')).text()).toBe(await (await other.fetch('/')).text())
      expect(one.runDir).not.toBe(other.runDir)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'that cannot serve its application gives the reason, and has closed everything',
    async () => {
      await using app = await Application.create()
      await writeFile(join(app.folder, 'index.js'), `throw new Error('no database')\n`)
      const server = createServer(app.options())
      expect(await failureOf(server.start())).toMatchObject({
        code: 'BOOT_REFUSED',
        message: expect.stringContaining('no database'),
      })
      expect(existsSync(server.runDir ?? '')).toBe(false)
      expect(await failureOf(server.open())).toMatchObject({ code: 'CLOSED' })
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'that is closed while it starts does not start',
    async () => {
      await using app = await Application.create()
      const server = createServer(app.options())
      const started = failureOf(server.start())
      await server.close()
      expect(await started).toMatchObject({ code: 'STOPPING' })
      expect(await server.close()).toEqual({ abandoned: 0 })
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'that was closed refuses another start',
    async () => {
      await using app = await Application.create()
      const server = createServer(app.options())
      await server.start()
      await server.close()
      expect(await failureOf(server.start())).toMatchObject({ code: 'CLOSED' })
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'that is told to close at once while it starts does so',
    async () => {
      await using app = await Application.create()
      const server = createServer(app.options())
      const asked: unknown[] = []
      const opened = server.open().then((open) => {
        const close = open.close.bind(open)
        open.close = (options) => {
          asked.push(options)
          return close(options)
        }
      })
      const closed = server.close()
      await server.close({ now: true })
      await Promise.all([opened, closed])
      expect(asked).toContainEqual({ now: true })
    },
    TEST_TIMEOUT_MS,
  )

  test('that was not started refuses commands, and can be closed', async () => {
    await using app = await Application.create()
    const server = createServer(app.options())
    expect(await failureOf(server.reload())).toMatchObject({ code: 'NOT_STARTED' })
    expect(await failureOf(server.fetch('/'))).toMatchObject({ code: 'NOT_STARTED' })
    expect(await server.close()).toEqual({ abandoned: 0 })
    expect(await failureOf(server.start())).toMatchObject({ code: 'CLOSED' })
  })

  test(
    'leaves no process behind when the program around it is killed',
    async () => {
      await using app = await Application.create()
      const options = JSON.stringify(app.options())
      const script = `
        const { createServer } = await import(${JSON.stringify(import.meta.resolve('@rip/server'))})
        const server = createServer(${options})
        await server.start()
        console.log(server.status.workers[0].pid)`
      const child = Bun.spawn([process.execPath, '-e', script], { cwd: app.folder, stdout: 'pipe' })
      const pid = Number(new TextDecoder().decode((await child.stdout.getReader().read()).value))
      expect(existsSync(`/proc/${pid}`)).toBe(process.platform === 'linux')
      child.kill('SIGKILL')
      await child.exited
      while (isRunning(pid)) await Bun.sleep(10)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'leaves signals and the end of the process to the program around it',
    async () => {
      await using app = await Application.create()
      const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGTTIN'] as const
      const listeners = (): readonly number[] => signals.map((signal) => process.listenerCount(signal))
      const before = listeners()
      await using server = createServer(app.options())
      await server.start()
      expect(listeners()).toEqual(before)
    },
    TEST_TIMEOUT_MS,
  )
})

describe('options', () => {
  test('are refused with all problems together', () => {
    const options = { port: 'many', drainTimeout: '30', wrokers: 2, balancer: { policy: 'best' } }
    const error = failureIn(() => createServer(options as unknown as ServerOptions))
    expect(error).toBeInstanceOf(ServerError)
    const { code, message } = error as ServerError
    expect(code).toBe('CONFIG_INVALID')
    expect(message.split('\n')).toEqual([
      'the configuration has 4 errors:',
      '  options: unknown key wrokers; did you mean workers?',
      '  options: port: expected a whole number from 0 to 65535, got "many"',
      '  options: drainTimeout: expected a duration such as 250ms, 30s or 5m, got "30"; did you mean 30s?',
      expect.stringContaining('  options: balancer.policy: expected one of'),
    ])
  })

  test('must name an application', () => {
    const error = failureIn(() => createServer({ app: '/nowhere/at/all' }))
    expect(error).toMatchObject({
      code: 'APP_NOT_FOUND',
      message: expect.stringContaining('/nowhere/at/all'),
    })
  })

  test('count alone: variables such as PORT are ignored', async () => {
    await using app = await Application.create()
    const variables = { PORT: '1', WEB_CONCURRENCY: 'lots' }
    await using server = createServer(app.options({ env: { ...process.env, ...variables } }))
    await server.start()
    expect((await server.fetch('/')).status).toBe(200)
  })
})
