import { fileURLToPath } from 'node:url'
import { type BuildReport, readBuildReport } from './build-report.ts'
import type { Account } from '@rip/manager'

export interface BuilderProcessOptions {
  /** Folder of the application. */
  readonly root: string
  readonly env: Readonly<Record<string, string>>
  /** Whom it runs as. @default whoever starts it */
  readonly account?: Account | undefined
  /** Ending of files whose compiler it loads while it waits. @default none */
  readonly warm?: string | undefined
  /** Flags of Bun. @default none */
  readonly runtimeFlags?: readonly string[] | undefined
}

/** What the builder program is asked to do. */
export interface BuildOrder {
  readonly root: string
  readonly out: string
  readonly generation: string
  /** File of the application. */
  readonly entry: string
  /** Folder that gets a folder for each set of files in `node_modules`. */
  readonly packages: string
  /** The set an earlier build uses, and whether nothing in `node_modules` changed since. */
  readonly earlierPackages?: string
  readonly packagesUnchanged: boolean
}

export interface BuilderOutput {
  /** Absent when the program died before it could write one. */
  readonly report: BuildReport | undefined
  readonly stderr: string
  readonly code: number
}

/** A builder program that has started and waits for the one order of its life. It ends when this process does. */
export class BuilderProcess {
  readonly #child: Bun.Subprocess<'pipe', 'pipe', 'pipe'>

  constructor({ root, env, warm, account, runtimeFlags = [] }: BuilderProcessOptions) {
    const program = fileURLToPath(import.meta.resolve('@rip/transpile/builder'))
    this.#child = Bun.spawn(
      [
        process.execPath,
        ...runtimeFlags,
        program,
        '--request',
        '-',
        ...(warm === undefined ? [] : ['--warm', warm]),
      ],
      {
        cwd: root,
        env,
        stdio: ['pipe', 'pipe', 'pipe'],
        // Signals of the terminal are for us.
        detached: true,
        ...(account && { uid: account.uid, gid: account.gid }),
      },
    )
  }

  get exited(): Promise<number> {
    return this.#child.exited
  }

  /** Aborting ends the process, and with it the promise. */
  async build(order: BuildOrder, signal: AbortSignal): Promise<BuilderOutput> {
    const child = this.#child
    // Nobody else knows it: what else is printed there is not taken for the report.
    const mark = `${crypto.randomUUID()} `
    const end = (): void => this.kill()
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    try {
      await child.stdin.write(JSON.stringify({ ...order, mark }))
      await child.stdin.end()
    } catch {
      // EPIPE: it died first, which its exit code and what it said tell better.
    }
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    signal.removeEventListener('abort', end)
    return { report: readBuildReport(stdout, mark), stderr, code }
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
