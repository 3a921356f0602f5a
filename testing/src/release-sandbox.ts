import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from './condition.ts'
import { freePort } from './free-port.ts'
import { Load, type LoadOptions } from './load.ts'
import type { Finished, Program } from './program.ts'
import { Sandbox } from './sandbox.ts'
import type { Status } from './status.ts'

const APP = fileURLToPath(new URL('../app/app.ts', import.meta.url))
const ENTRY = 'app.ts'
const RATE_PER_SECOND = 150
const KEPT_CONNECTIONS = 16

export interface ServeOptions {
  /** @default 'start' */
  readonly mode?: 'start' | 'dev'
  /** @default 4 */
  readonly workers?: number
  readonly flags?: readonly string[]
  /** Run directory with the control socket, if a flag names it. */
  readonly runDir?: string
  /** @default the application of the sandbox */
  readonly app?: string
  /** Command before the program. */
  readonly wrapper?: readonly string[]
}

/** A sandbox with an application, for which tests deploy one release after the other, and a port to serve it on. */
export class ReleaseSandbox extends Sandbox {
  readonly app: string
  readonly port: number = freePort()
  #runDir: string | undefined

  private constructor(folder: string) {
    super(folder)
    this.variables = { NO_COLOR: '1' }
    this.app = join(folder, 'app')
    mkdirSync(this.app)
    cpSync(APP, join(this.app, ENTRY))
    this.deploy('v0')
  }

  static async create(): Promise<ReleaseSandbox> {
    return new ReleaseSandbox(await Sandbox.makeFolder())
  }

  /** Writes a release to disk; `source` is added to its version module. */
  deploy(version: string, source = ''): void {
    writeFileSync(join(this.app, 'version.ts'), `export const VERSION = '${version}'\n${source}\n`)
  }

  /** Adds text to the entry of the application, such as a lifecycle export. */
  extendEntry(source: string): void {
    const entry = readFileSync(APP, 'utf8')
    writeFileSync(join(this.app, ENTRY), `${entry}\n${source}\n`)
  }

  /** Starts the server for the application and waits until all its workers are ready. */
  async serve(options: ServeOptions = {}): Promise<Program> {
    const { mode = 'start', workers = 4, flags = [], app = this.app, wrapper = [] } = options
    this.#runDir = options.runDir
    const server = this.launchIn(
      wrapper,
      mode,
      app,
      '--port',
      `${this.port}`,
      '--workers',
      `${workers}`,
      ...flags,
    )
    await until('all workers are ready', async () => {
      if (!server.running) throw new Error(`the server ended:\n${server.stderr}`)
      return (await this.status())?.readyWorkers === workers
    })
    return server
  }

  /** The status of the instance from its control socket; undefined when it does not answer. */
  async status(): Promise<Status | undefined> {
    try {
      const answer = await fetch('http://control/status', {
        unix: this.control(),
        signal: AbortSignal.timeout(2000),
      })
      return (await answer.json()) as Status
    } catch {
      // Not started yet, or gone.
      return undefined
    }
  }

  /** Path of the control socket of the only instance. */
  control(): string {
    if (this.#runDir !== undefined) return join(this.#runDir, 'control.sock')
    const base = join(this.runDirs, 'rip-server')
    const [name = 'none'] = existsSync(base) ? readdirSync(base) : []
    return join(base, name, 'control.sock')
  }

  async workerPids(): Promise<number[]> {
    const workers = (await this.status())?.workers ?? []
    return workers.flatMap(({ pid, state }) => (pid === null || state === 'exited' ? [] : [pid]))
  }

  reload(): Promise<Finished> {
    return this.run('reload', this.app)
  }

  /** Sends a request on a fresh connection. */
  get(path: string, timeoutMs = 30_000): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(timeoutMs),
    })
  }

  /** The version of the application that answers; undefined when there is no proper answer. */
  async version(): Promise<string | undefined> {
    try {
      const { version } = (await (await this.get('/')).json()) as { version: string }
      return version
    } catch {
      // Refused, or another program answers.
      return undefined
    }
  }

  /** Whether a connection to the port is accepted. */
  async accepts(): Promise<boolean> {
    try {
      const socket = await Bun.connect({ hostname: '127.0.0.1', port: this.port, socket: { data() {} } })
      socket.terminate()
      return true
    } catch {
      // Refused.
      return false
    }
  }

  /** Puts load on the application; it ends with the sandbox at the latest. */
  startLoad(options: Partial<LoadOptions> = {}): Load {
    const load = new Load({
      port: this.port,
      ratePerSecond: RATE_PER_SECOND,
      keptConnections: KEPT_CONNECTIONS,
      ...options,
    })
    load.start()
    this.defer(() => load.stop())
    return load
  }

  /** Names of sockets left in the run directories. */
  async socketsLeft(): Promise<string[]> {
    return (await this.leftovers()).filter((name) => name.endsWith('.sock'))
  }
}
