import { fileURLToPath } from 'node:url'

const PROGRAM: string = fileURLToPath(import.meta.resolve('rip-server/package.json')).replace(
  'package.json',
  'bin/rip-server',
)

export interface ProgramOptions {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Command in front, such as `unshare`. */
  readonly wrapper?: readonly string[]
}

/** One `rip-server` process, in a process group of its own like a job of an interactive shell. */
export class Program {
  stdout = ''
  stderr = ''
  readonly startedAt: number = performance.now()
  readonly #child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>
  readonly #ended: Promise<number>
  #exitedAt = Number.NaN

  constructor(args: readonly string[], { cwd, env, wrapper = [] }: ProgramOptions) {
    this.#child = Bun.spawn([...wrapper, PROGRAM, ...args], {
      cwd,
      env: { ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    void this.#collect(this.#child.stdout, (text) => (this.stdout += text))
    void this.#collect(this.#child.stderr, (text) => (this.stderr += text))
    this.#ended = this.#child.exited.then((code) => {
      this.#exitedAt = performance.now()
      return code
    })
  }

  get pid(): number {
    return this.#child.pid
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Milliseconds from its start to its end; NaN while it runs. */
  get lifetimeMs(): number {
    return this.#exitedAt - this.startedAt
  }

  /** The exit code, 128+n after signal n. */
  exited(): Promise<number> {
    return this.#ended
  }

  kill(signal: NodeJS.Signals): void {
    if (this.running) this.#child.kill(signal)
  }

  /** What a terminal does on Ctrl-C. */
  killGroup(signal: NodeJS.Signals): void {
    if (this.running) process.kill(-this.pid, signal)
  }

  async #collect(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder()
    for await (const bytes of stream) add(decoder.decode(bytes, { stream: true }))
  }
}
