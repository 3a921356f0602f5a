import { Writable } from 'node:stream'
import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'bun:test'
import { isAlive, pathToRealNode, until } from '@rip/testing'
import {
  noRouter,
  superviseApp,
  type SupervisedApp,
  type SuperviseOptions,
} from '../../src/manager/supervise-app.ts'
import { temporaryFolder } from '../real.ts'
import { leaveNothingBehind } from './leave-nothing-behind.ts'
import { LocalRouter } from './local-router.ts'

const bunProgram = (version: string): string => `
import { version } from './version.ts'
console.error('starting ${version}')
let running = 0
const server = Bun.serve({
  unix: process.env.RIP_SOCKET,
  async fetch(request) {
    const { pathname } = new URL(request.url)
    if (pathname === '/running') return new Response(String(running))
    running++
    if (pathname === '/slow') await Bun.sleep(300)
    // Longer than the pause before an order to leave, and than that between TERM and KILL.
    if (pathname === '/long') await Bun.sleep(2000)
    running--
    return Response.json({ version, pid: process.pid, slot: process.env.RIP_WORKER_ID })
  },
})
process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)))
`

const nodeProgram = `
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
const version = /'(.*)'/.exec(readFileSync(new URL('./version.ts', import.meta.url), 'utf8'))[1]
if (version === 'broken') throw new Error('this version does not start')
const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ version, pid: process.pid, slot: process.env.RIP_WORKER_ID }))
})
server.listen(process.env.RIP_SOCKET)
process.on('SIGTERM', () => server.close(() => process.exit(0)))
`

interface Program {
  readonly name: string
  readonly file: string
  readonly source: string
  readonly runtime: string
}

const realNode = Bun.which('node', { PATH: pathToRealNode() })

const programs: readonly Program[] = [
  { name: 'a Bun.serve program', file: 'server.ts', source: bunProgram('it'), runtime: process.execPath },
  { name: 'a Node.js program', file: 'server.mjs', source: nodeProgram, runtime: realNode ?? '' },
]

leaveNothingBehind()

interface Answer {
  readonly version: string
  readonly pid: number
}

const silent = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() })

class Trial implements AsyncDisposable {
  readonly app: SupervisedApp
  readonly router: LocalRouter
  readonly #stack: AsyncDisposableStack
  readonly #setVersion: (version: string) => Promise<void>

  private constructor(
    app: SupervisedApp,
    router: LocalRouter,
    stack: AsyncDisposableStack,
    setVersion: (version: string) => Promise<void>,
  ) {
    this.app = app
    this.router = router
    this.#stack = stack
    this.#setVersion = setVersion
  }

  static async open(program: Program, options: Partial<SuperviseOptions> = {}): Promise<Trial> {
    await using stack = new AsyncDisposableStack()
    const folder = stack.use(await temporaryFolder())
    const run = stack.use(await temporaryFolder())
    const setVersion = (version: string): Promise<void> =>
      writeFile(folder.at('version.ts'), `export const version = '${version}'\n`)
    await setVersion('1')
    await writeFile(folder.at(program.file), program.source)
    const router = new LocalRouter()
    const app = stack.use(
      await superviseApp({
        root: folder.path,
        runDir: run.at('run'),
        command: { argv: [program.runtime, folder.at(program.file)], speaksProtocol: false },
        workers: 2,
        router,
        output: { stdout: silent(), stderr: silent() },
        ...options,
      }),
    )
    await app.manager.start()
    return new Trial(app, router, stack.move(), setVersion)
  }

  write(version: string): Promise<void> {
    return this.#setVersion(version)
  }

  async ask(path: string = '/'): Promise<Answer> {
    return (await (await this.router.fetch(path)).json()) as Answer
  }

  get pids(): readonly number[] {
    return this.app.manager.status.workers.map(({ pid }) => pid)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }
}

test.each([0, 1, 2, 5, 20])(
  'a close %d ms after the start ends the start, with the watcher on',
  async (delayMs) => {
    await using folder = await temporaryFolder()
    await using run = await temporaryFolder()
    await writeFile(folder.at('app.js'), 'setInterval(() => {}, 1_000)')
    const app = await superviseApp({
      root: folder.path,
      runDir: run.at('run'),
      command: { argv: [process.execPath, folder.at('app.js')], speaksProtocol: false },
      watch: true,
      output: { stdout: silent(), stderr: silent() },
    })
    const started = app.manager.start().catch((error: unknown) => error)
    // The progress of a start cannot be observed, so different delays meet different steps of it.
    await Bun.sleep(delayMs)
    expect(await app.close()).toEqual({ abandoned: 0 })
    expect(await started).toMatchObject({ code: 'STOPPING' })
  },
)

/** Three reloads with two processes each, which a busy machine starts one after the other. */
const RELOADS_TIMEOUT_MS = 30_000

describe.each(programs)('$name', (program) => {
  test.skipIf(program.runtime === '')(
    'is supervised: killed, replaced, stopped without a trace',
    async () => {
      const trial = await Trial.open(program)
      const [first] = trial.pids
      process.kill(first!, 'SIGKILL')
      await until(
        'a replacement that serves',
        () => trial.router.backends.length === 2 && !trial.pids.includes(first!),
      )
      expect((await trial.ask()).version).toBe('1')
      const { pids } = trial
      await trial.app.close()
      expect(pids.some(isAlive)).toBe(false)
      await trial[Symbol.asyncDispose]()
    },
  )

  test.skipIf(program.runtime === '')(
    'is reloaded without losing a request',
    async () => {
      await using trial = await Trial.open(program)
      let failed = 0
      let answered = 0
      let running = true
      const load = Array.from({ length: 4 }, async () => {
        while (running) {
          await trial.ask().then(
            () => (answered += 1),
            () => (failed += 1),
          )
          await Bun.sleep(2)
        }
      })
      for (const version of ['2', '3', '4']) {
        await trial.write(version)
        expect(await trial.app.manager.reload()).toMatchObject({ ok: true, unchanged: false })
        expect((await trial.ask()).version).toBe(version)
      }
      running = false
      await Promise.all(load)
      expect({ failed, some: answered > 20 }).toEqual({ failed: 0, some: true })
      await until('old workers to leave', () => trial.pids.length === 2)
    },
    RELOADS_TIMEOUT_MS,
  )

  test.skipIf(program.runtime === '')(
    'keeps serving the old version when the new one does not start',
    async () => {
      await using trial = await Trial.open(program)
      await trial.write(
        program.file.endsWith('.mjs') ? 'broken' : `'; throw new Error('this version does not start') //`,
      )
      const result = await trial.app.manager.reload()
      expect(result).toMatchObject({ ok: false, refusal: { code: 'boot-failed' } })
      expect(!result.ok && result.refusal.stderr).toContain('does not start')
      expect((await trial.ask()).version).toBe('1')
    },
  )
})

test('a change on disk is served without a command when files are watched', async () => {
  await using trial = await Trial.open(programs[0]!, { watch: true })
  await trial.write('2')
  await until('the new version', async () => (await trial.ask()).version === '2')
})

test('a program that is reached directly finishes what it answers when everything stops', async () => {
  const trial = await Trial.open(programs[0]!, { workers: 1, router: noRouter })
  const [worker] = trial.app.manager.status.workers
  const answer = fetch('http://worker/long', { unix: worker!.socket })
  await until('the request to be under way', async () => {
    const running = await fetch('http://worker/running', { unix: worker!.socket })
    return (await running.text()) === '1'
  })
  const closing = trial.app.close()
  expect((await answer).status).toBe(200)
  expect(await closing).toEqual({ abandoned: 0 })
  await trial[Symbol.asyncDispose]()
})

test('two applications are supervised side by side in one process', async () => {
  await using first = await Trial.open(programs[0]!)
  await using second = await Trial.open(programs[0]!)
  await first.write('2')
  await first.app.manager.reload()
  expect([(await first.ask()).version, (await second.ask()).version]).toEqual(['2', '1'])
  await first.app.close()
  expect((await second.ask()).version).toBe('1')
})
