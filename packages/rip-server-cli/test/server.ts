import { copyFile, cp, link, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ControlClient, findInstances, type ManagerStatus } from '@rip/manager'
import { Sandbox as BareSandbox, type Program, timeUntil, until } from '@rip/testing'

export { type Finished, PROGRAM, type Program as Server, until } from '@rip/testing'

const DEMO = fileURLToPath(new URL('../../../apps/demo', import.meta.url))
const FIXTURES = fileURLToPath(new URL('./fixtures', import.meta.url))

/** Puts Bun at a path that other users can enter, unlike root's home. */
export async function placeBun(path: string): Promise<void> {
  // Hard links do not work across file systems.
  await link(process.execPath, path).catch(() => copyFile(process.execPath, path))
}

/** Maximum number of sandboxes at once: tests that run side by side wait. */
const MAX_SANDBOXES = 3
/** After this wait another sandbox is made anyway, so that one hanging test does not block all others. */
const MAX_WAIT_MS = 60_000

/** A sandbox with the applications of these tests. */
export class Sandbox extends BareSandbox {
  static #count = 0

  static async create(): Promise<Sandbox> {
    await timeUntil(() => Sandbox.#count < MAX_SANDBOXES, MAX_WAIT_MS)
    Sandbox.#count++
    return new Sandbox(await BareSandbox.makeFolder())
  }

  override env(): Record<string, string> {
    return { DEMO_DB: join(this.folder, 'demo.sqlite'), ...super.env() }
  }

  /** A copy of `apps/demo` that may be edited. */
  async demo(): Promise<string> {
    const copy = join(this.folder, 'demo')
    await cp(DEMO, copy, { recursive: true, filter: (path) => !path.endsWith('node_modules') })
    await symlink(join(DEMO, 'node_modules'), join(copy, 'node_modules'))
    return copy
  }

  /** A copy of a folder below `test/fixtures`. */
  async fixture(name: string): Promise<string> {
    const copy = join(this.folder, name)
    await cp(join(FIXTURES, name), copy, { recursive: true })
    return copy
  }

  /** Starts a server and waits until it has printed its address and all workers are ready. */
  async start(...args: string[]): Promise<Program> {
    const server = this.launch(...args)
    await server.ready()
    await until('all workers are ready', async () => {
      const { readyWorkers, wantedWorkers } = await this.snapshot(server)
      return readyWorkers === wantedWorkers
    })
    return server
  }

  /** The status of a server, from its control socket. */
  async snapshot({ pid }: Program): Promise<ManagerStatus> {
    const instance = findInstances(this.env()).find((candidate) => candidate.pid === pid)
    if (instance === undefined) throw new Error(`no instance is process ${pid}`)
    return new ControlClient(instance.control).status()
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    try {
      await super[Symbol.asyncDispose]()
    } finally {
      Sandbox.#count--
    }
  }
}
