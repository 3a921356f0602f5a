import { type BuildReport, readBuildReport } from './build-report.ts'
import { type Account, setOomRank } from '@rip/manager'
import { builderProgram } from '../programs/programs.ts'

export interface Rehearsal {
  readonly folder: string
  /** Ending of files whose compiler the process loads ahead of need. @default none */
  readonly extension?: string | undefined
  /** Files with this ending that are likely to be built next, by absolute path. @default none */
  readonly samples?: readonly string[]
}

export interface BuilderProcessOptions {
  /** Folder of the application. */
  readonly root: string
  readonly env: Readonly<Record<string, string>>
  /** The user it runs as. @default the user of this process */
  readonly account?: Account | undefined
  /** Builds something while it waits, in a folder of its own below `folder`, which it removes. @default no rehearsal */
  readonly rehearsal?: Rehearsal | undefined
  /** Flags of Bun. @default none */
  readonly runtimeFlags?: readonly string[] | undefined
}

/** What the builder program is asked to do. */
export interface BuildOrder {
  readonly root: string
  readonly out: string
  readonly generation: string
  /** Files that the application begins with. */
  readonly entries: readonly string[]
  /** Folder that gets a folder for each set of files in `node_modules`. */
  readonly packages: string
  /** The set an earlier build uses, and whether nothing in `node_modules` changed since. */
  readonly earlierPackages?: string
  readonly packagesUnchanged: boolean
  /** How long the program may live on after its report. @default it is ended at once */
  readonly lingerMs?: number
}

/** The report of a build, or how the program ended without one. */
export type BuilderOutput =
  | { readonly report: BuildReport }
  | {
      readonly report?: undefined
      readonly stderr: string
      readonly code: number
      /** What ended it from outside, such as `SIGKILL` when the system had no memory left. */
      readonly signal: NodeJS.Signals | number | null
    }

/** A builder program that has started and waits for its one order. It ends when this process does. */
export class BuilderProcess {
  readonly #child: Bun.Subprocess<'pipe', 'pipe', 'pipe'>

  constructor({ root, env, rehearsal, account, runtimeFlags = [] }: BuilderProcessOptions) {
    this.#child = Bun.spawn(
      [process.execPath, ...runtimeFlags, builderProgram(), '--request', '-', ...flagsOf(rehearsal)],
      {
        cwd: root,
        env,
        stdio: ['pipe', 'pipe', 'pipe'],
        // Signals of the terminal reach this process only.
        detached: true,
        ...(account && { uid: account.uid, gid: account.gid }),
      },
    )
    setOomRank(this.#child.pid, 'expendable')
  }

  get exited(): Promise<number> {
    return this.#child.exited
  }

  /** Aborting ends the process, and with it the promise. */
  async build(order: BuildOrder, signal: AbortSignal): Promise<BuilderOutput> {
    const child = this.#child
    // Only the builder program knows the mark, so other output is not taken for the report.
    const mark = `${crypto.randomUUID()} `
    const end = (): void => this.kill()
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    try {
      await child.stdin.write(JSON.stringify({ ...order, mark }))
      await child.stdin.end()
    } catch {
      // EPIPE: the program died first; its exit code and output tell why.
    }
    // Read meanwhile, because a full pipe would block the program.
    const stderr = new Response(child.stderr).text()
    const report = readBuildReport(await textUntil(child.stdout, mark), mark)
    if (report === undefined) {
      const output = { stderr: await stderr, code: await child.exited, signal: child.signalCode }
      signal.removeEventListener('abort', end)
      return output
    }
    signal.removeEventListener('abort', end)
    // The program has written everything by then, and would take as long as a small build to end by itself.
    if (order.lingerMs === undefined) this.kill()
    else setTimeout(() => this.kill(), order.lingerMs).unref()
    return { report }
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

function flagsOf(rehearsal: Rehearsal | undefined): readonly string[] {
  if (rehearsal === undefined) return []
  const { folder, extension, samples = [] } = rehearsal
  const warming = extension === undefined ? [] : ['--warm', extension]
  return ['--rehearse', folder, ...warming, ...samples.flatMap((file) => ['--sample', file])]
}

/** The output up to the line that begins with the mark, or else all of it. */
async function textUntil(stream: ReadableStream<Uint8Array>, mark: string): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true })
    const at = text.indexOf(`\n${mark}`)
    if (at !== -1 && text.includes('\n', at + 1)) break
  }
  return text
}
