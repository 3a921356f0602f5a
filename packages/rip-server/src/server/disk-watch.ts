import { dirname } from 'node:path'

const LOOK_EVERY_MS = 5_000
/** With less, a disk counts as full: a snapshot needs some megabytes, and a log is being written. */
const FULL_BYTES = 16 * 2 ** 20
/** A small file system of its own is full when less than one part of so many is free. */
const FULL_PART = 50

/** Something that the server writes, and what follows when it cannot. */
export interface Written {
  /** `the run directory /run/rip-server/shop`. */
  readonly what: string
  readonly folder: string
  /** `reloads are refused`. */
  readonly follows: string
}

/** What the system says of a file system; see statvfs(3). */
export interface FileSystem {
  readonly bavail: number
  readonly blocks: number
  readonly bsize: number
  readonly files: number
  readonly ffree: number
}

export interface DiskWatchOptions {
  /** What is written now. */
  readonly written: () => readonly Written[]
  readonly tell: (message: string) => void
  /** @default asks the system */
  readonly statfs?: (folder: string) => Promise<FileSystem>
}

/** Tells once when there is no room left for what the server writes, and once when there is again. */
export class DiskWatch implements Disposable {
  readonly #options: DiskWatchOptions
  readonly #timer: ReturnType<typeof setInterval>
  /** What is wrong, by what is written. */
  readonly #full = new Map<string, string>()
  #isDisposed = false

  constructor(options: DiskWatchOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS)
    this.#timer.unref()
  }

  /** What is wrong, a sentence each. */
  get reasons(): readonly string[] {
    return [...this.#full.values()]
  }

  async look(): Promise<void> {
    const { written, statfs = ofSystem } = this.#options
    const all = written()
    const states = await Promise.all(all.map(({ folder }) => statfs(folder).then(isFull, () => undefined)))
    if (this.#isDisposed) return
    for (const [at, each] of all.entries()) this.#note(each, states[at])
    const known = new Set(all.map(({ what }) => what))
    for (const what of this.#full.keys()) if (!known.has(what)) this.#full.delete(what)
  }

  /** @param full `undefined` where that is not known, as of a folder that is missing */
  #note({ what, follows }: Written, full: boolean | undefined): void {
    if (full === undefined || full === this.#full.has(what)) return
    if (!full) {
      this.#full.delete(what)
      return this.#options.tell(`there is room again for ${what}`)
    }
    const reason = `there is no room left for ${what}: ${follows}, requests are served`
    this.#full.set(what, reason)
    this.#options.tell(reason)
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true
    clearInterval(this.#timer)
  }
}

/** What a server writes. @param logFile of the access log, where it goes to a file */
export function writtenBy(runDir: string, logFile: string | undefined): readonly Written[] {
  const run = { what: `the run directory ${runDir}`, folder: runDir, follows: 'reloads are refused' }
  if (logFile === undefined) return [run]
  return [run, { what: `the access log ${logFile}`, folder: dirname(logFile), follows: 'its lines are lost' }]
}

function isFull({ bavail, blocks, bsize, files, ffree }: FileSystem): boolean {
  if (files > 0 && ffree === 0) return true
  return bavail * bsize < Math.min(FULL_BYTES, (blocks * bsize) / FULL_PART)
}

const ofSystem = (folder: string): Promise<FileSystem> =>
  process.getBuiltinModule('node:fs/promises').statfs(folder)
