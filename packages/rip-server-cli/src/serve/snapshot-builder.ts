import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Builder, BuildResult, Snapshot, TreeState } from '@rip/manager'

export interface SnapshotBuilderOptions {
  readonly root: string
  /** Folder that gets one snapshot per generation. */
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
}

/** What the builder program prints: one line of JSON. */
type BuildReport = { readonly ok: true } | Extract<BuildResult, { readonly ok: false }>

/** Compiles a generation in a process of its own, so that this one loads neither compiler nor application. */
export class SnapshotBuilder implements Builder, AsyncDisposable {
  readonly #options: SnapshotBuilderOptions
  readonly #running = new Set<Bun.Subprocess>()

  constructor(options: SnapshotBuilderOptions) {
    this.#options = options
  }

  async build({ generation }: TreeState, { signal }: { readonly signal: AbortSignal }): Promise<BuildResult> {
    const { root, folder, env } = this.#options
    const out = join(folder, generation)
    const program = fileURLToPath(import.meta.resolve('@rip/transpile/builder'))
    const args = ['--root', root, '--out', out, '--generation', generation]
    const child = Bun.spawn([process.execPath, program, ...args], {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    })
    this.#running.add(child)
    void child.exited.then(() => this.#running.delete(child))
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    signal.throwIfAborted()
    const report = parseReport(stdout)
    if (report?.ok === true) return { ok: true, snapshot: { generation, folder: out } }
    const message = `the builder ended with ${code}: ${stderr.trim() || 'it said nothing'}`
    return report ?? { ok: false, failure: { kind: 'compile', message } }
  }

  discard({ folder }: Snapshot): void {
    // Best effort: what is left goes with the run directory.
    if (folder !== undefined) void rm(folder, { recursive: true, force: true }).catch(() => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One that is still writing would bring the folder back.
    const running = [...this.#running]
    for (const child of running) child.kill('SIGKILL')
    await Promise.all(running.map((child) => child.exited))
    await rm(this.#options.folder, { recursive: true, force: true })
  }
}

function parseReport(stdout: string): BuildReport | undefined {
  try {
    return JSON.parse(stdout) as BuildReport
  } catch {
    // Not a report: the program died before it could write one.
    return undefined
  }
}
