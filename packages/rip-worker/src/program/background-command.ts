import { WorkerError } from '../errors.ts'
import type { BackgroundWork } from './background-work.ts'

export interface BackgroundCommandOptions {
  readonly name: string
  /** The program and its arguments. */
  readonly command: readonly string[]
  /** Called with the exit code when the program ends without having been told to. */
  readonly onEnd: (code: number) => void
}

/** Variables that address this process alone. */
const OURS = new Set(['RIP_CONTROL', 'RIP_BACKGROUND_COMMAND', 'RIP_SNAPSHOT', 'RIP_SOCKET', 'RIP_APART'])

/** Runs a program of any kind in the background, in the process group of this one. */
export class BackgroundCommand implements BackgroundWork {
  readonly #options: BackgroundCommandOptions
  #child: Bun.Subprocess | undefined
  #ends = false

  constructor(options: BackgroundCommandOptions) {
    this.#options = options
  }

  async prepare(): Promise<void> {
    const { command, name } = this.#options
    const [program = ''] = command
    if (Bun.which(program) === null) throw new WorkerError('RIP_BACKGROUND_MISSING', { name, program })
  }

  async begin(): Promise<void> {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !OURS.has(name)))
    const child = Bun.spawn([...this.#options.command], { env, stdio: ['ignore', 'inherit', 'inherit'] })
    this.#child = child
    void child.exited.then((code) => {
      if (!this.#ends) this.#options.onEnd(code)
    })
  }

  /** The signal reaches the whole group: a shell or a package manager does not pass it on. */
  async end(): Promise<undefined> {
    this.#ends = true
    if (this.#child === undefined) return
    try {
      process.kill(-process.pid, 'SIGTERM')
    } catch {
      // ESRCH: no supervisor has made a group of it.
      this.#child.kill('SIGTERM')
    }
    await this.#child.exited
  }
}
