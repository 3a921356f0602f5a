import {
  type FSWatcher as LinkWatcher,
  lstatSync,
  realpathSync,
  statSync,
  watch as watchFolder,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { FSWatcher } from 'chokidar'
import type { Watcher } from '../contract/ports.ts'
import { FollowedFiles } from './followed-files.ts'
import { messageOf } from '../contract/message-of.ts'

/** Reports from the operating system. Any of them may be missing or made up: they only say when to look. */
export interface FileWatcher extends Watcher {
  /** Watches anew if the root is another folder than before; called at each look at the disk. */
  rearm(): Promise<void>
  /** Watches these files as well, by absolute path, and none of those named before; also when `isBlind`. */
  follow?(files: readonly string[]): void
  /** The system cannot watch the whole tree. @default false */
  readonly isBlind?: boolean
}

export interface FileWatcherOptions {
  /** Paths relative to the root that need not be watched. */
  readonly isIgnored: (path: string, isDirectory: boolean) => boolean
  /** Told once, in one sentence, when the system cannot watch. */
  readonly onWarning: (message: string) => void
}

export function createFileWatcher(options: FileWatcherOptions): FileWatcher {
  return new NativeFileWatcher(options)
}

class NativeFileWatcher implements FileWatcher {
  readonly #options: FileWatcherOptions
  #root = ''
  #wake: () => void = () => {}
  #identity: string | undefined
  #files: FSWatcher | undefined
  #link: LinkWatcher | undefined
  readonly #followed = new FollowedFiles(() => this.#wake())
  /** Ends the wait for a watch that is being set up: chokidar does not say that it was closed before it was ready. */
  #stopArming: () => void = () => {}
  /** The tree is not watched any more. */
  #disabled = false
  #closed = false

  constructor(options: FileWatcherOptions) {
    this.#options = options
  }

  async start(root: string, wake: () => void): Promise<void> {
    this.#root = root
    this.#wake = wake
    this.#watchLink()
    await this.rearm()
  }

  async rearm(): Promise<void> {
    const folder = folderAt(this.#root)
    const identity = folder?.identity
    if (this.#disabled || identity === this.#identity) return
    this.#identity = identity
    const former = this.#files
    this.#files = undefined
    await former?.close()
    if (folder === undefined) return
    // Servers that do not watch start without it, and the others start more urgent things first.
    const { watch } = await import('chokidar')
    if (!this.#disabled && this.#identity === identity) await this.#arm(watch, folder.path)
  }

  get isBlind(): boolean {
    return this.#disabled
  }

  follow(files: readonly string[]): void {
    if (!this.#closed) this.#followed.follow(files)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#followed[Symbol.dispose]()
    await this.#disarm()
  }

  async #disarm(): Promise<void> {
    this.#disabled = true
    this.#link?.close()
    this.#stopArming()
    await this.#files?.close()
  }

  async #arm(watch: typeof import('chokidar').watch, root: string): Promise<void> {
    const files = watch(root, {
      ignoreInitial: true,
      atomic: false,
      followSymlinks: false,
      ignorePermissionErrors: true,
      ignored: (path, status) =>
        path !== root && this.#options.isIgnored(relative(root, path), status?.isDirectory() ?? false),
    })
    this.#files = files
    const { promise: ready, resolve } = Promise.withResolvers<void>()
    this.#stopArming = resolve
    files.on('all', () => this.#wake())
    // Comes a moment earlier, before chokidar has asked the system what has happened.
    files.on('raw', (_, name, details) => {
      if (!this.#isIgnoredIn(root, name, details)) this.#wake()
    })
    files.on('ready', resolve)
    files.on('error', (error) => {
      this.#giveUp(error)
    })
    await ready
    if (!this.#disabled) this.#wake()
  }

  /** What chokidar passes on unseen of a watched folder may be a file that does not count. */
  #isIgnoredIn(root: string, name: string | null, details: unknown): boolean {
    const { watchedPath } = details as { readonly watchedPath?: string }
    if (name === null || watchedPath === undefined) return false
    const path = relative(root, join(watchedPath, name))
    return path !== '' && !path.startsWith('../') && this.#options.isIgnored(path, false)
  }

  /** The system's limit is reached, or watching does not work at all: sweeping goes on, and the few files that are followed. */
  #giveUp(error: unknown): void {
    if (this.#disabled) return
    void this.#freeWatches()
    const message = messageOf(error)
    this.#options.onWarning(
      `cannot watch ${this.#root} (${message}): ${adviceFor(error)}; what the code imports is watched all the same, other changes are found by looking every few seconds`,
    )
  }

  /** The next look follows what the code imports, for which there are watches now. */
  async #freeWatches(): Promise<void> {
    await this.#disarm()
    if (!this.#closed) this.#wake()
  }

  /** A root that is a link changes without any change below it: its parent folder is watched. */
  #watchLink(): void {
    if (lstatSync(this.#root, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return
    try {
      this.#link = watchFolder(dirname(this.#root), () => this.#onLinkFolder())
      this.#link.on('error', () => {})
    } catch {
      // Sweeping notices as well, only later.
    }
  }

  #onLinkFolder(): void {
    if (folderAt(this.#root)?.identity !== this.#identity) this.#wake()
  }
}

/** Identity of a folder: another one may be put in its place. */
function folderAt(root: string): { readonly path: string; readonly identity: string } | undefined {
  try {
    const status = statSync(root)
    const path = realpathSync(root)
    return { path, identity: `${path} ${status.dev} ${status.ino}` }
  } catch {
    // ENOENT: between two releases.
    return undefined
  }
}

function adviceFor(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOSPC') return 'raise fs.inotify.max_user_watches'
  if (code === 'EMFILE') return 'raise fs.inotify.max_user_instances or the limit of open files'
  return 'the file system may not support it'
}
