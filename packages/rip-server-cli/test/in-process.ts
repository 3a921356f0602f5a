import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type DrainReport,
  type Manager,
  type ManagerStatus,
  openControlServer,
  openRunDir,
  type RequestsStatus,
} from '@rip/manager'
import { programs } from '../src/programs.ts'
import { run } from '../src/run.ts'
import { processTerminal } from '../src/terminal/terminal.ts'

export interface Output {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** What a server answers that is none. */
export interface Answers {
  readonly status?: Partial<ManagerStatus>
  readonly requests?: RequestsStatus
  readonly manager?: Partial<Manager>
  readonly stop?: DrainReport
}

/** A folder in which commands run in this process, and servers that only answer. */
export class CommandSandbox implements AsyncDisposable {
  readonly folder: string = realpathSync(mkdtempSync(join(tmpdir(), 'rip-')))
  /** Of the commands. */
  env: Record<string, string> = {
    XDG_RUNTIME_DIR: join(this.folder, 'run'),
    HOME: this.folder,
    NO_COLOR: '1',
  }
  readonly #owned = new AsyncDisposableStack()

  /** Runs a command line to its end. */
  async run(...args: readonly string[]): Promise<Output> {
    let [stdout, stderr] = ['', '']
    const terminal: typeof processTerminal = ({ quiet }) => ({
      ...processTerminal({ quiet, color: false }),
      interactive: false,
      data: (text) => void (stdout += `${text}\n`),
      say: (text) => void (stderr += quiet ? '' : `${text}\n`),
      complain: (text) => void (stderr += `${text}\n`),
    })
    const code = await run(args, programs, { terminal, cwd: this.folder, env: this.env })
    return { code, stdout, stderr }
  }

  /** A server of that name which this process pretends to run. */
  async pretend(name: string, answers: Answers = {}): Promise<void> {
    const runDir = await openRunDir({ root: this.folder, name, env: this.env })
    const closing = new AsyncDisposableStack()
    closing.use(runDir)
    const status = statusOf(name, this.folder, answers.status)
    const control = await openControlServer({
      path: runDir.controlPath,
      manager: { status, events: noEvents, on: () => NOTHING, ...answers.manager } as Manager,
      requests: async () => answers.requests,
      stop: async () => {
        // After the answer.
        setImmediate(() => void closing.disposeAsync())
        return answers.stop ?? { abandoned: 0 }
      },
    })
    closing.use(control)
    this.#owned.use(closing)
    runDir.publish({ name, root: this.folder, startedAtMs: Date.now() })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const NOTHING: Disposable = { [Symbol.dispose]() {} }

async function* noEvents(): AsyncGenerator<never> {}

function statusOf(name: string, root: string, status: Partial<ManagerStatus> = {}): ManagerStatus {
  return {
    version: 1,
    name,
    pid: process.pid,
    root,
    health: 'ok',
    healthReasons: [],
    generation: 'abcdef0123',
    previousGeneration: null,
    wantedWorkers: 1,
    readyWorkers: 1,
    watching: false,
    held: false,
    reloads: { admitted: 1, refused: 0 },
    restarts: 0,
    crashes: null,
    lastRefusal: null,
    disk: null,
    condemned: null,
    workers: [],
    background: [],
    startedAtMs: Date.now(),
    ...status,
  }
}
