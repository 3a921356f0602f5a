import { systemClock } from '../system/clock.ts'
import type { Clock, TreeReadOptions, TreeState, Watcher } from '../contract/ports.ts'
import { isElsewhere } from './belongings.ts'
import { changedPaths, type ContentTree } from './content-tree.ts'
import { DEFAULT_DEBOUNCE_MS, DEFAULT_MAX_DEBOUNCE_MS, DEFAULT_SWEEP_MS } from '../contract/defaults.ts'
import type { BootWrites } from './boot-writes.ts'
import { SELF_WRITE_DOUBT_MS, SELF_WRITE_FOLDER_COUNT, SELF_WRITE_WINDOW_MS } from './bounds.ts'
import { createFileWatcher, type FileWatcher } from './file-watcher.ts'
import { NewFiles } from './new-files.ts'
import { SelfWriteGuard } from './self-write-guard.ts'
import { sweepPauseMs } from './sweep-pause.ts'

/** Time between two leading looks, as a multiple of what the first of them took. */
const LEADING_REST = 4

const EMPTY_FILE = new Bun.CryptoHasher('sha256').digest('hex')

export interface ChangeDetectorOptions {
  readonly tree: ContentTree
  /** @default the operating system, by way of chokidar */
  readonly files?: FileWatcher
  readonly clock?: Clock
  /** Takes what an operator should know, in one sentence each. */
  readonly onWarning?: (message: string) => void
  /** Quiet time after the last report before the disk is looked at. @default 50 */
  readonly debounceMs?: number
  /** Longest time a stream of reports can put that off. @default 250 */
  readonly maxDebounceMs?: number
  /**
   * Looks this long after the first report as well, and believes what it sees if that is an ordinary save: a
   * single file with content. If it is not, as while an editor puts a new file in place of the old one, looks again
   * after twice the time, and so on. Serves a save sooner; a file written in pieces may be seen half-written, and
   * again when it is complete. @default off
   */
  readonly leadingMs?: number
  /** @default 2000 */
  readonly sweepMs?: number
  /** When the application starts, to tell what it writes then from what is saved. @default every change is news */
  readonly bootWrites?: Pick<BootWrites, 'isOwn' | 'noteCode'>
}

/**
 * Wakes when the content on disk is another than before, and only then. Reports of the operating system and a
 * timer that always runs merely say when to compare.
 */
export function createChangeDetector(options: ChangeDetectorOptions): Watcher {
  return new ChangeDetector(options)
}

class ChangeDetector implements Watcher {
  readonly #tree: ContentTree
  readonly #files: FileWatcher
  readonly #clock: Clock
  readonly #warn: (message: string) => void
  readonly #options: Required<Pick<ChangeDetectorOptions, 'debounceMs' | 'maxDebounceMs' | 'sweepMs'>>
  readonly #leadingMs: number | undefined
  readonly #guard = new SelfWriteGuard()
  readonly #bootWrites: ChangeDetectorOptions['bootWrites']
  #toldBootWrites = false
  #wake: (tree?: TreeState) => void = () => {}
  /** The content at the last look: what the next one is compared with. */
  #seen: TreeState | undefined
  /** When the reports began that have not been looked after. */
  #firstReportMs: number | undefined
  /** Looks soon after the first report, see {@link ChangeDetectorOptions.leadingMs}. */
  #leading: Disposable | undefined
  /** Looks when reports have ended. */
  #trailing: Disposable | undefined
  /** Looks every few seconds, whatever is reported. */
  #sweep: Disposable | undefined
  /** Wakes for changes that may be the application's own, unless they turn out to be. */
  #doubt: Disposable | undefined
  readonly #doubted = new Set<string>()
  readonly #newFiles = new NewFiles()
  /** When new files came that the code does not import, lately. */
  #newFilesMs: readonly number[] = []
  /** Wakes for such files when no more come. */
  #postponed: Disposable | undefined
  #toldNewFiles = false
  #looking = false
  /** Something was reported during a look, which may have missed it. */
  #lookAgain = false
  /** A file was left out since the last look: the next one finds other content although nothing changed. */
  #leftOut = false
  #closing: Promise<void> | undefined

  constructor(options: ChangeDetectorOptions) {
    this.#tree = options.tree
    this.#warn = options.onWarning ?? (() => {})
    this.#clock = options.clock ?? systemClock
    this.#leadingMs = options.leadingMs
    this.#bootWrites = options.bootWrites
    this.#options = {
      debounceMs: options.debounceMs ?? DEFAULT_DEBOUNCE_MS,
      maxDebounceMs: options.maxDebounceMs ?? DEFAULT_MAX_DEBOUNCE_MS,
      sweepMs: options.sweepMs ?? DEFAULT_SWEEP_MS,
    }
    const isIgnored = (path: string, isDirectory: boolean): boolean => this.#tree.isIgnored(path, isDirectory)
    this.#files = options.files ?? createFileWatcher({ isIgnored, onWarning: this.#warn })
  }

  /** Reports are listened to before the content is read for the first time, so that no change falls between. */
  async start(root: string, wake: (tree?: TreeState) => void): Promise<void> {
    this.#wake = wake
    await this.#files.start(root, () => this.#onReport())
    this.#seen = await this.#readTree()
    if (this.#closing !== undefined) return
    this.#sweepAfter(this.#options.sweepMs)
  }

  close(): Promise<void> {
    for (const timer of [this.#leading, this.#trailing, this.#sweep, this.#doubt, this.#postponed])
      timer?.[Symbol.dispose]()
    return (this.#closing ??= this.#files.close())
  }

  #onReport(): void {
    if (this.#closing !== undefined) return
    const nowMs = this.#clock.nowMs()
    if (this.#firstReportMs === undefined) {
      this.#firstReportMs = nowMs
      if (this.#leadingMs !== undefined) this.#leadAfter(this.#leadingMs)
    }
    const quietAtMs = nowMs + this.#options.debounceMs
    const lookAtMs = Math.min(quietAtMs, this.#firstReportMs + this.#options.maxDebounceMs)
    this.#trailing?.[Symbol.dispose]()
    this.#trailing = this.#clock.after(Math.max(0, lookAtMs - nowMs), () => {
      this.#firstReportMs = undefined
      this.#leading?.[Symbol.dispose]()
      void this.#look()
    })
  }

  #leadAfter(delayMs: number): void {
    if (delayMs >= this.#options.debounceMs) return
    this.#leading?.[Symbol.dispose]()
    this.#leading = this.#clock.after(delayMs, () => void this.#lead(delayMs))
  }

  async #lead(delayMs: number): Promise<void> {
    const before = this.#seen
    const startedMs = this.#clock.nowMs()
    await this.#look(isOrdinarySave)
    const isOver = this.#closing !== undefined || this.#firstReportMs === undefined
    if (isOver || this.#seen !== before) return
    const tookMs = this.#clock.nowMs() - startedMs
    this.#leadAfter(Math.max(2 * delayMs, LEADING_REST * tookMs))
  }

  #sweepAfter(delayMs: number): void {
    this.#sweep = this.#clock.after(delayMs, () => void this.#sweepNow())
  }

  async #sweepNow(): Promise<void> {
    const startedMs = this.#clock.nowMs()
    const usedBefore = process.cpuUsage()
    await this.#files.rearm()
    await this.#look(undefined, { thorough: true })
    const { user, system } = process.cpuUsage(usedBefore)
    const cost = { wallMs: this.#clock.nowMs() - startedMs, cpuMs: (user + system) / 1_000 }
    if (this.#closing === undefined) this.#sweepAfter(sweepPauseMs(cost, this.#options.sweepMs))
  }

  /** One look at a time; what is reported meanwhile is looked at afterwards. @param believes whether the first look counts */
  async #look(
    believes: (before: TreeState, now: TreeState) => boolean = () => true,
    options: TreeReadOptions = {},
  ): Promise<void> {
    if (this.#looking) {
      this.#lookAgain = true
      return
    }
    this.#looking = true
    const before = this.#seen
    const first = await this.#readTree(options)
    if (before === undefined || first === undefined || believes(before, first)) this.#compare(first)
    while (this.#lookAgain && this.#closing === undefined) {
      this.#lookAgain = false
      this.#compare(await this.#readTree())
    }
    this.#looking = false
  }

  /** Wakes if this is other content than before, unless the application may have written it itself. */
  #compare(now: TreeState | undefined): void {
    const before = this.#seen
    if (now === undefined || this.#closing !== undefined || now.generation === before?.generation) return
    this.#seen = now
    if (this.#leftOut) {
      // Without the file the content is another again, which is not a change to wake for.
      this.#leftOut = false
      return
    }
    // The application does not write files that are elsewhere, and they may only have been found by a build since.
    const changed = (before === undefined ? [] : changedPaths(before, now)).filter(
      (path) => !isElsewhere(path),
    )
    if (this.#isWrittenAtBoot(changed, now)) return
    const selfWritten = this.#guard.note(changed, this.#clock.nowMs())
    for (const path of selfWritten) this.#leaveOut(path)
    if (selfWritten.length > 0) return
    if (before !== undefined && this.#isStreamOfNewFiles(before, now, changed)) return
    const doubted = this.#guard.doubts(changed)
    if (doubted.length === 0) return this.#tell(now)
    for (const path of doubted) this.#doubted.add(path)
    this.#doubt ??= this.#clock.after(SELF_WRITE_DOUBT_MS, () => this.#tell())
  }

  /**
   * Whether ever new files come that the code does not import, as an application writes them, whatever they are called. They are
   * news once no more come.
   */
  #isStreamOfNewFiles(before: TreeState, now: TreeState, changed: readonly string[]): boolean {
    const [path] = changed
    const nowMs = this.#clock.nowMs()
    const changes = changed.map((each) => this.#newFiles.change(each, before, now, nowMs))
    if (path === undefined || changes.includes(undefined)) return false
    if (!changed.every((each) => this.#tree.isUnimported(each))) return false
    const recent = this.#newFilesMs.filter((atMs) => nowMs - atMs < SELF_WRITE_WINDOW_MS)
    this.#newFilesMs = changes.includes('came') ? [...recent, nowMs].slice(-SELF_WRITE_FOLDER_COUNT) : recent
    if (this.#newFilesMs.length < SELF_WRITE_FOLDER_COUNT) return false
    this.#postponed?.[Symbol.dispose]()
    this.#postponed = this.#clock.after(SELF_WRITE_WINDOW_MS, () => this.#tell())
    if (this.#toldNewFiles) return true
    this.#toldNewFiles = true
    this.#warn(
      `ever new files such as ${path}, which the code does not import, are written: they restart the application only when ` +
        `none has come for ${SELF_WRITE_WINDOW_MS / 1_000} s; if it writes them itself, move them out of its folder, or list them in .gitignore`,
    )
    return true
  }

  /** Whether the application writes this itself at each start. It is content all the same, once something else changes. */
  #isWrittenAtBoot(changed: readonly string[], now: TreeState): boolean {
    const [path] = changed
    if (this.#bootWrites === undefined || path === undefined) return false
    if (!changed.every((each) => this.#tree.isUnimported(each))) {
      if (this.#bootWrites.noteCode(now.newestMs))
        this.#warn(
          `${path} changes each time the application starts, and its change starts it again: if the application writes it ` +
            'itself, let it write only what differs, or list it in .gitignore if it is no code',
        )
      return false
    }
    if (!this.#bootWrites.isOwn(now.newestMs)) return false
    if (this.#toldBootWrites) return true
    this.#toldBootWrites = true
    this.#warn(
      `the application writes ${path} while it starts, again and again: what it writes then, and does not import, no longer ` +
        "restarts it; move it out of the application's folder, or list it in .gitignore",
    )
    return true
  }

  /** @param now what was just seen; absent when that was some time ago */
  #tell(now?: TreeState): void {
    this.#trust()
    this.#wake(now)
  }

  /** The changes that were doubted are news, or were left out. */
  #trust(): void {
    this.#postponed?.[Symbol.dispose]()
    this.#postponed = undefined
    this.#doubt?.[Symbol.dispose]()
    this.#doubt = undefined
    this.#doubted.clear()
  }

  /** The application writes this path: it is no content any more. */
  #leaveOut(path: string): void {
    this.#tree.exclude(path)
    for (const doubted of this.#doubted)
      if (doubted === path || doubted.startsWith(`${path}/`)) this.#doubted.delete(doubted)
    if (this.#doubted.size === 0) this.#trust()
    this.#leftOut = true
    this.#lookAgain = true
    this.#warn(
      `${path} keeps changing, as if the application wrote it: its changes are ignored from now on; ` +
        "move it out of the application's folder, or list it in .gitignore",
    )
  }

  /** Where the tree is not watched, what the code imports is: most changes are made there. */
  #follow(): void {
    const { imported, followed } = this.#tree
    this.#files.follow?.(this.#files.isBlind === true ? imported : followed)
  }

  async #readTree(options?: TreeReadOptions): Promise<TreeState | undefined> {
    try {
      const state = await this.#tree.read(options)
      if (this.#closing === undefined) this.#follow()
      return state
    } catch {
      // The root is gone, as between two releases. The manager says so when it has to read it.
      return undefined
    }
  }
}

/** One file with something in it: more are likely to follow, and an empty file is about to be written. */
function isOrdinarySave(before: TreeState, now: TreeState): boolean {
  const [path, ...others] = changedPaths(before, now)
  return path !== undefined && others.length === 0 && (now.files.get(path) ?? EMPTY_FILE) !== EMPTY_FILE
}
