import { copyFile, cp, link, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ControlClient, findInstances, type ManagerStatus } from '@rip/manager'
import { Sandbox as BareSandbox, type Program, timeUntil, until } from '@rip/testing'

export { type Finished, PROGRAM, type Program as Server, until } from '@rip/testing'

const DEMO = fileURLToPath(new URL('../../../apps/demo', import.meta.url))
const FIXTURES = fileURLToPath(new URL('./fixtures', import.meta.url))

/** Bun at a path other users get to, as that of root's home they do not. */
export async function placeBun(path: string): Promise<void> {
  // Another file system has no second name for it.
  await link(process.execPath, path).catch(() => copyFile(process.execPath, path))
}

/** Sandboxes there may be at once: of tests that run side by side, the others wait. */
const MAX_SANDBOXES = 3
/** Then one more is made: a test that hangs does not hold up all others. */
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

  /** Starts a server and waits until it has said its address and all workers are ready. */
  async start(...args: string[]): Promise<Program> {
    const server = this.launch(...args)
    await server.ready()
    await until('all workers are ready', async () => {
      const { readyWorkers, wantedWorkers } = await this.snapshot(server)
      return readyWorkers === wantedWorkers
    })
    return server
  }

  /** What a server says about itself on its control socket. */
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
