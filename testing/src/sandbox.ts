import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { timeUntil } from './condition.ts'
import { commandOf, isAlive, processesMarked } from './process-facts.ts'
import { type Finished, Program } from './program.ts'
import { pathToRealNode } from './real-node.ts'

/** With a longer path the server would not put run directories there, because socket paths are limited. */
const MAX_TMPDIR_CHARS = 18
/** Pause between two searches through all processes of the machine. */
const LOOK_MS = 20
/** Programs that take longer to end after SIGTERM are killed. */
const END_TIMEOUT_MS = 5_000

/** A folder, an environment and `rip-server` processes of one test. Disposing it ends and removes all of them. */
export class Sandbox implements AsyncDisposable {
  readonly folder: string
  /** Where programs are started. */
  startFolder: string
  /** Variables that programs get in addition to the usual ones. */
  variables: Readonly<Record<string, string>> = {}
  /** User that starts programs, which takes root. @default the user who runs the tests */
  account: { readonly uid: number; readonly gid: number } | undefined
  /** A text in the environment of all processes the test starts, direct or indirect. */
  readonly mark: string = `rip-test-${crypto.randomUUID()}`
  readonly #programs: Program[] = []
  readonly #endings: (() => unknown)[] = []

  protected constructor(folder: string) {
    this.folder = this.startFolder = folder
  }

  /** Makes a folder whose path leaves room for the names of sockets. */
  static async makeFolder(): Promise<string> {
    const parent = tmpdir().length <= MAX_TMPDIR_CHARS ? tmpdir() : '/tmp'
    return realpath(await mkdtemp(join(parent, 'rip-')))
  }

  get runDirs(): string {
    return join(this.folder, 'run')
  }

  env(): Record<string, string> {
    const { HOME = '/' } = process.env
    return {
      PATH: `${join(process.execPath, '..')}:${pathToRealNode()}`,
      HOME,
      XDG_RUNTIME_DIR: this.runDirs,
      XDG_STATE_HOME: join(this.folder, 'state'),
      RIP_TEST_MARK: this.mark,
      ...this.variables,
    }
  }

  /** Starts the program without waiting for anything. */
  launch(...args: readonly string[]): Program {
    return this.launchIn([], ...args)
  }

  /** The same with a command before the program, such as `unshare`. */
  launchIn(wrapper: readonly string[], ...args: readonly string[]): Program {
    const { startFolder: folder, account } = this
    const program = new Program(args, { folder, env: this.env(), wrapper, account })
    this.#programs.push(program)
    return program
  }

  /** Starts the program with listening sockets and their names, as systemd passes them. */
  launchActivated(
    sockets: Readonly<Record<string, { readonly fd: number }>>,
    ...args: readonly string[]
  ): Program {
    const fds = Object.values(sockets).map(({ fd }) => fd)
    const env = {
      ...this.env(),
      LISTEN_FDS: String(fds.length),
      LISTEN_FDNAMES: Object.keys(sockets).join(':'),
    }
    const wrapper = ['/bin/sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh']
    const program = new Program(args, { folder: this.startFolder, env, fds, wrapper })
    this.#programs.push(program)
    return program
  }

  /** Runs a command to its end. */
  async run(...args: readonly string[]): Promise<Finished> {
    return this.launch(...args).finished()
  }

  /** Pids of all processes that carry the mark. */
  async processes(): Promise<number[]> {
    return processesMarked(this.mark)
  }

  /** Command lines of all processes that carry the mark. */
  async commands(): Promise<string> {
    return (await this.processes()).map(commandOf).join('\n')
  }

  /** Milliseconds until all processes have gone, or `Infinity` if one is left after the limit. */
  timeUntilGone(limitMs: number): Promise<number> {
    return timeUntil(async () => (await this.processes()).length === 0, limitMs, LOOK_MS)
  }

  /** Files left below the place of run directories. */
  async leftovers(): Promise<string[]> {
    const entries = await readdir(this.runDirs, { recursive: true, withFileTypes: true }).catch(() => [])
    return entries.map((entry) => join(entry.parentPath, entry.name))
  }

  /** Calls a function at the end, when no process is left. */
  defer(ending: () => unknown): void {
    this.#endings.push(ending)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs) program.kill('SIGTERM')
    await this.timeUntilGone(END_TIMEOUT_MS)
    for (const pid of await this.processes()) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    await this.timeUntilGone(END_TIMEOUT_MS)
    for (const ending of this.#endings) await ending()
    await rm(this.folder, { recursive: true, force: true })
  }
}
