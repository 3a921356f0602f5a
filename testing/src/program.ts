import { fileURLToPath } from 'node:url'
import { until } from './condition.ts'

/** The `rip-server` program of this checkout. */
export const PROGRAM: string = fileURLToPath(
  new URL('../../packages/rip-server-cli/bin/rip-server', import.meta.url),
)

export interface ProgramOptions {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  /** Descriptors that the program gets from 3 on. */
  readonly fds?: readonly number[]
  /** Command before the program, such as `unshare`. */
  readonly wrapper?: readonly string[]
  /** User that starts the program, which takes root. @default the user who runs the tests */
  readonly account?: { readonly uid: number; readonly gid: number } | undefined
}

export interface Finished {
  /** The exit code, 128+n after signal n. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly tookMs: number
}

/** A `rip-server` process, in a process group of its own like a job of an interactive shell. */
export class Program {
  stdout = ''
  stderr = ''
  url = ''
  readonly #child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>
  readonly #ended: Promise<Finished>

  constructor(args: readonly string[], { folder, env, wrapper = [], fds = [], account }: ProgramOptions) {
    const startedAt = performance.now()
    this.#child = Bun.spawn([...wrapper, PROGRAM, ...args], {
      cwd: folder,
      // Set as a shell does, so that links in the path of the folder stay links.
      env: { ...env, PWD: folder },
      stdio: ['ignore', 'pipe', 'pipe', ...fds],
      detached: true,
      ...account,
    })
    const read = Promise.all([
      readText(this.#child.stdout, (text) => (this.stdout += text)),
      readText(this.#child.stderr, (text) => (this.stderr += text)),
    ])
    this.#ended = this.#child.exited.then(async (code) => {
      const tookMs = performance.now() - startedAt
      await read
      return { code, tookMs, stdout: this.stdout, stderr: this.stderr }
    })
  }

  get pid(): number {
    return this.#child.pid
  }

  /** `null` while the process runs, and when a signal ended it. */
  get exitCode(): number | null {
    return this.#child.exitCode
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Waits for the address that the program prints when it serves. */
  async ready(): Promise<void> {
    this.url = await until('the server says its address', () => {
      const url = /^ *url +(https?:\S+)/m.exec(this.stderr)?.[1]
      if (!this.running) throw new Error(`exit code ${this.exitCode}: ${this.stdout}${this.stderr}`)
      return url
    })
  }

  /** Waits until standard error contains a text; resolves with the text and what follows it. */
  async says(text: string | RegExp): Promise<string> {
    return until(`it says ${text}`, () => {
      const at = typeof text === 'string' ? this.stderr.indexOf(text) : this.stderr.search(text)
      return at === -1 ? undefined : this.stderr.slice(at)
    })
  }

  kill(signal: NodeJS.Signals): void {
    if (this.running) this.#child.kill(signal)
  }

  /** Sends SIGINT to the whole process group, as Ctrl-C in a terminal does. */
  interrupt(): void {
    process.kill(-this.pid, 'SIGINT')
  }

  /** Resolves with the exit code when the process has ended; its output may not have been read completely. */
  exited(): Promise<number> {
    return this.#child.exited
  }

  /** Resolves when the process has ended and its output was read completely. */
  finished(): Promise<Finished> {
    return this.#ended
  }

  async json(path: string): Promise<Record<string, unknown>> {
    const response = await fetch(new URL(path, this.url), { keepalive: false })
    return (await response.json()) as Record<string, unknown>
  }
}

async function readText(stream: ReadableStream<Uint8Array>, onText: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of stream) onText(decoder.decode(chunk, { stream: true }))
}
