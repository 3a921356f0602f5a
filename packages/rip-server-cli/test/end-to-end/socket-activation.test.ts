import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ListenSocket, openListenSocket } from '@rip/manager'
import { Sandbox, type Server } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000

/** A server whose sockets this process keeps, as systemd does: `web` and `local` for clients, `ops` for probes. */
class Activated implements AsyncDisposable {
  readonly sandbox: Sandbox
  readonly path: string
  readonly #sockets: Readonly<Record<'web' | 'local' | 'ops', ListenSocket>>

  private constructor(sandbox: Sandbox, path: string, sockets: readonly ListenSocket[]) {
    const [web, local, ops] = sockets
    this.sandbox = sandbox
    this.path = path
    this.#sockets = { web: web!, local: local!, ops: ops! }
  }

  static async create(): Promise<Activated> {
    const sandbox = await Sandbox.create()
    await writeFile(join(sandbox.folder, 'index.js'), 'export default () => new Response(`${process.ppid}`)')
    const path = join(sandbox.folder, 'local.sock')
    const tcp = { host: '127.0.0.1', port: 0 }
    const sockets = await Promise.all([tcp, { unix: path }, tcp].map((address) => openListenSocket(address)))
    return new Activated(
      sandbox,
      path,
      sockets.flatMap((socket) => socket ?? []),
    )
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port('web')}/`
  }

  start(): Server {
    return this.sandbox.launchActivated(this.#sockets, 'start', '.', '--workers', '1', '--port', '1')
  }

  /** What a client gets on each socket that is for clients, at once: connections may wait until a server accepts them. */
  async ask(): Promise<string[]> {
    const options = { keepalive: false } as const
    const answers = [fetch(this.url, options), fetch('http://local/', { ...options, unix: this.path })]
    return Promise.all(answers.map(async (answer) => (await answer).text()))
  }

  async probe(path: string): Promise<number> {
    return (await fetch(`http://127.0.0.1:${this.#port('ops')}${path}`, { keepalive: false })).status
  }

  #port(name: 'web' | 'ops'): number {
    return (this.#sockets[name].address as { readonly port: number }).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sandbox[Symbol.asyncDispose]()
    for (const socket of Object.values(this.#sockets)) await socket.close()
  }
}

test(
  'sockets of systemd serve by their names, and lose no request while the server starts, is replaced or is stopped',
  async () => {
    await using activated = await Activated.create()
    const { sandbox } = activated
    const early = activated.ask()
    const first = activated.start()
    expect(await early).toEqual([`${first.pid}`, `${first.pid}`])
    await first.ready()
    expect(first.url).toBe(activated.url.replace(/\/$/, ''))
    expect(first.stderr).toContain(`also      unix:${activated.path}`)
    expect(await activated.probe('/ready')).toBe(200)

    const asked = askAllTheTime(activated)
    expect((await sandbox.run('restart', '--manager')).code).toBe(0)
    expect(await first.exited()).toBe(0)
    const [second = ''] = await activated.ask()
    expect(second).not.toBe(`${first.pid}`)
    expect(new Set(await asked.stop())).toEqual(new Set([`${first.pid}`, second]))
    expect(await activated.probe('/ready')).toBe(200)

    process.kill(Number(second), 'SIGTERM')
    expect(await sandbox.timeUntilGone(10_000)).toBeLessThan(10_000)
    expect(existsSync(activated.path)).toBe(true)
    const waiting = activated.ask()
    const third = activated.start()
    expect(await waiting).toEqual([`${third.pid}`, `${third.pid}`])
  },
  TEST_TIMEOUT_MS,
)

/** Asks on all sockets until it is stopped; resolves with all answers. */
function askAllTheTime(activated: Activated): { stop(): Promise<string[]> } {
  const answers: string[] = []
  let stopped = false
  const run = async (): Promise<void> => {
    do answers.push(...(await activated.ask()))
    while (!stopped)
  }
  const running = Promise.all([run(), run()])
  return {
    async stop() {
      stopped = true
      await running
      return answers
    },
  }
}
