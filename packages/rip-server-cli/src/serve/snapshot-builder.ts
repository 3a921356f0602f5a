import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Builder, BuildResult, Snapshot, TreeState } from '@rip/manager'
import { BuilderProcess, type BuilderOutput, type BuildOrder } from './builder-process.ts'

/**
 * How long after a build the process for the next one is started: what was built boots meanwhile, and somebody
 * waits for it.
 */
const STANDBY_DELAY_MS = 500

export interface SnapshotBuilderOptions {
  readonly root: string
  /** Folder that gets one snapshot per generation. */
  readonly folder: string
  /** Read anew for each process. */
  readonly env: () => Readonly<Record<string, string>>
  /** Keep a process ready for the next build, for who saves files and waits. @default false */
  readonly standby?: boolean
}

/** What the builder program prints: one line of JSON. */
type BuildReport = { readonly ok: true } | Extract<BuildResult, { readonly failure: object }>

interface Standby {
  readonly process: BuilderProcess
  /** What the process read when it started, see {@link environmentOf}. */
  readonly environment: string
}

/** Compiles each generation in a process of its own, so that this one loads neither compiler nor application. */
export class SnapshotBuilder implements Builder, AsyncDisposable {
  readonly #options: SnapshotBuilderOptions
  readonly #running = new Set<BuilderProcess>()
  readonly #discards = new Set<Promise<void>>()
  #standby: Standby | undefined
  #standbyTimer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: SnapshotBuilderOptions) {
    this.#options = options
  }

  async build(state: TreeState, { signal }: { readonly signal: AbortSignal }): Promise<BuildResult> {
    const { root, folder } = this.#options
    const { generation } = state
    const out = join(folder, generation)
    const order = { root, out, generation }
    const environment = environmentOf(state)
    const byStandby = await this.#buildByStandby(order, environment, signal)
    const { stdout, stderr, code } = byStandby ?? (await this.#start().build(order, signal))
    this.#prepareNext(environment, warmedEnding(state))
    signal.throwIfAborted()
    const report = parseReport(stdout)
    if (report?.ok === true) return await verified({ generation, folder: out }, state)
    const message = `the builder ended with ${code}: ${stderr.trim() || 'it said nothing'}`
    return report ?? { ok: false, failure: { kind: 'compile', message } }
  }

  discard({ folder }: Snapshot): void {
    if (folder === undefined) return
    // Best effort: what is left goes with the run directory.
    const discard = rm(folder, { recursive: true, force: true })
      .catch(() => {})
      .finally(() => this.#discards.delete(discard))
    this.#discards.add(discard)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearTimeout(this.#standbyTimer)
    // One that is still writing would bring the folder back.
    const running = [...this.#running]
    for (const builder of running) builder.kill()
    await Promise.all(running.map((builder) => builder.exited))
    // Two removals in one tree: the one that meets an entry the other has just taken leaves its folder behind.
    await Promise.all(this.#discards)
    await rm(this.#options.folder, { recursive: true, force: true })
  }

  /** Undefined when none is ready, or when it died and left no report: another one has to do it then. */
  async #buildByStandby(
    order: BuildOrder,
    environment: string,
    signal: AbortSignal,
  ): Promise<BuilderOutput | undefined> {
    clearTimeout(this.#standbyTimer)
    const standby = this.#standby
    this.#standby = undefined
    if (standby?.environment !== environment) {
      standby?.process.kill()
      return undefined
    }
    const output = await standby.process.build(order, signal)
    const isWanted = !signal.aborted && !this.#closed
    return isWanted && parseReport(output.stdout) === undefined ? undefined : output
  }

  #start(warm?: string): BuilderProcess {
    const { root, env } = this.#options
    const builder = new BuilderProcess({ root, env: env(), warm })
    this.#running.add(builder)
    void builder.exited.then(() => this.#running.delete(builder))
    return builder
  }

  #prepareNext(environment: string, warm: string | undefined): void {
    if (this.#options.standby !== true || this.#closed) return
    clearTimeout(this.#standbyTimer)
    this.#standbyTimer = setTimeout(() => this.#prepare(environment, warm), STANDBY_DELAY_MS)
  }

  #prepare(environment: string, warm: string | undefined): void {
    try {
      this.#standby ??= { process: this.#start(warm), environment }
    } catch {
      // ENOENT, when the application is gone; the next build says what there is to say.
    }
  }
}

/** Most changes are to files of the language the application is written in. */
function warmedEnding({ files }: TreeState): string | undefined {
  return [...files.keys()].some((path) => path.endsWith('.rip')) ? '.rip' : undefined
}

/** The files Bun reads when a process starts: one that started before they changed is of no use. */
function environmentOf({ files }: TreeState): string {
  const read = [...files].filter(([path]) => path.startsWith('.env') || path === 'bunfig.toml')
  return JSON.stringify(read)
}

function parseReport(stdout: string): BuildReport | undefined {
  try {
    return JSON.parse(stdout) as BuildReport
  } catch {
    // Not a report: the program died before it could write one.
    return undefined
  }
}

/** Compares what went into a snapshot with what its name was made from: files may be written in between. */
async function verified(
  snapshot: Snapshot & { readonly folder: string },
  state: TreeState,
): Promise<BuildResult> {
  const manifest = (await Bun.file(join(snapshot.folder, 'manifest.json')).json()) as Manifest
  for (const [path, { hash }] of Object.entries(manifest.files)) {
    const expected = state.files.get(path)
    if (expected === undefined || expected === hash) continue
    await rm(snapshot.folder, { recursive: true, force: true })
    return { ok: false, changed: path }
  }
  return { ok: true, snapshot }
}

/** The part of a snapshot's manifest that names its content, by SHA-256. */
interface Manifest {
  readonly files: Readonly<Record<string, { readonly hash: string }>>
}
