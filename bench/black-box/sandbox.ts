import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ManagerEvent } from '@rip/manager'
import { Load, type LoadOptions } from '../chaos/load.ts'
import { freePort } from '../src/free-port.ts'
import { isAlive, timeUntil, until } from './condition.ts'
import { Program } from './program.ts'
import { parentOf } from './process-facts.ts'
import type { Status } from './status.ts'

const APP = fileURLToPath(new URL('app/app.ts', import.meta.url))
const ENTRY = 'app.ts'

export interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly tookMs: number
}

/** Folder, environment, port and processes of one scenario. Disposing it ends and removes all of them. */
export class Sandbox implements AsyncDisposable {
  readonly folder: string = realpathSync(mkdtempSync(join(tmpdir(), 'rip-bb-')))
  readonly app: string = join(this.folder, 'app')
  readonly port: number
  /** In the environment of every process started here, however deep: that is how they are found again. */
  readonly #mark: string = `rip-black-box-${crypto.randomUUID()}`

  #runDir: string | undefined
  readonly #endings: (() => void | Promise<void>)[] = []

  private constructor(port: number) {
    this.port = port
    mkdirSync(this.app)
    cpSync(APP, join(this.app, ENTRY))
    this.deploy('v0')
  }

  static create(): Sandbox {
    return new Sandbox(freePort())
  }

  get runDirs(): string {
    return join(this.folder, 'run')
  }

  get env(): Record<string, string> {
    const { PATH = '', HOME = '/' } = process.env
    return {
      PATH: `${dirname(process.execPath)}:${PATH}`,
      HOME,
      XDG_RUNTIME_DIR: this.runDirs,
      RIP_TEST_MARK: this.#mark,
      NO_COLOR: '1',
    }
  }

  /** Puts a release on disk. */
  deploy(version: string): void {
    writeFileSync(join(this.app, 'version.ts'), `export const VERSION = '${version}'\n`)
  }

  /** Puts a release on disk whose version module has more to it. */
  deployWith(version: string, source: string): void {
    writeFileSync(join(this.app, 'version.ts'), `export const VERSION = '${version}'\n${source}\n`)
  }

  /** Adds text to the entry of the application, such as a lifecycle export. */
  extendEntry(source: string): void {
    const entry = readFileSync(APP, 'utf8')
    writeFileSync(join(this.app, ENTRY), `${entry}\n${source}\n`)
  }

  launch(...args: string[]): Program {
    return new Program(args, { cwd: this.folder, env: this.env })
  }

  /** Runs a command to its end. */
  async command(...args: string[]): Promise<Finished> {
    const program = this.launch(...args)
    const code = await program.exited()
    // Output still in the pipes is read in the same turn or the next.
    await Bun.sleep(5)
    return { code, stdout: program.stdout, stderr: program.stderr, tookMs: program.lifetimeMs }
  }

  /** Starts the server for the application and waits until all its workers are ready. */
  async serve(
    options: {
      readonly mode?: 'start' | 'dev'
      readonly workers?: number
      readonly flags?: readonly string[]
      /** Where its control socket is, if it is told by a flag. */
      readonly runDir?: string
      /** @default the application of the sandbox */
      readonly app?: string
      /** Command in front of the program. */
      readonly wrapper?: readonly string[]
    } = {},
  ): Promise<Program> {
    const { mode = 'start', workers = 4, flags = [], app = this.app, wrapper = [] } = options
    const args = [mode, app, '--port', `${this.port}`, '--workers', `${workers}`, ...flags]
    this.#runDir = options.runDir
    const server = new Program(args, { cwd: this.folder, env: this.env, wrapper })
    await until('all workers are ready', async () => {
      if (!server.running) throw new Error(`the server ended:\n${server.stderr}`)
      return (await this.status())?.readyWorkers === workers
    })
    return server
  }

  /** What the instance says about itself on its control socket; nothing when it does not answer. */
  async status(): Promise<Status | undefined> {
    try {
      const answer = await fetch('http://control/status', {
        unix: this.control(),
        signal: AbortSignal.timeout(2000),
      })
      return (await answer.json()) as Status
    } catch {
      // Not up yet, or gone.
      return undefined
    }
  }

  /** What happened so far, by the control socket. */
  async events(): Promise<ManagerEvent[]> {
    const answer = await fetch('http://control/events?since=0&follow=0', { unix: this.control() })
    const lines = (await answer.text()).split('\n').filter((line) => line !== '')
    return lines.map((line) => JSON.parse(line) as ManagerEvent)
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
    return this.command('reload', this.app)
  }

  /** An answer on a connection of its own. */
  get(path: string, timeoutMs = 30_000): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(timeoutMs),
    })
  }

  /** The version that answers, or nothing when nobody answers properly. */
  async version(): Promise<string | undefined> {
    try {
      const { version } = (await (await this.get('/')).json()) as { version: string }
      return version
    } catch {
      // Refused, or not the application.
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

  startLoad(options: Partial<LoadOptions> = {}): Load {
    const load = new Load({
      port: this.port,
      ratePerSecond: 150,
      keptConnections: 16,
      timeoutMs: 10_000,
      ...options,
    })
    load.start()
    return load
  }

  /** Living processes of this sandbox. */
  processes(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && this.#isMarked(name))
      .map(Number)
  }

  /** All processes below one, by their parents. */
  descendants(pid: number): number[] {
    const children = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((candidate) => parentOf(candidate) === pid)
    return children.flatMap((child) => [child, ...this.descendants(child)])
  }

  /** Milliseconds until no process, no socket and no listener is left, or `Infinity`. */
  async timeUntilGone(limitMs: number): Promise<number> {
    return timeUntil(() => this.processes().length === 0, limitMs)
  }

  /** Names of sockets left in the run directories. */
  socketsLeft(): string[] {
    if (!existsSync(this.runDirs)) return []
    return readdirSync(this.runDirs, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.sock'),
    )
  }

  /** Done when no process of the sandbox is left. */
  atEnd(ending: () => void | Promise<void>): void {
    this.#endings.push(ending)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of this.processes()) {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    }
    await timeUntil(() => this.processes().length === 0, 5000)
    for (const ending of this.#endings) await ending()
    rmSync(this.folder, { recursive: true, force: true })
  }

  #isMarked(pid: string): boolean {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(this.#mark)
    } catch {
      // It ended in between.
      return false
    }
  }
}
