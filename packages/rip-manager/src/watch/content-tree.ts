import {
  type Dirent,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ManagerError } from '../contract/errors.ts'
import type { ContentAccount, ContentObstacle } from '../contract/content-account.ts'
import type { Tree, TreeReadOptions, TreeState } from '../contract/ports.ts'
import { type Belongings, PackageLook, PACKAGES } from './belongings.ts'
import { BULK_FILES, MAX_FILE_BYTES, MAX_SETTLE_MS, RACY_MS, SETTLE_MS, SLICE_MS } from './bounds.ts'
import { IgnoreFiles, type IgnoreOptions } from './ignore-files.ts'
import { linkTarget } from '../system/link-target.ts'
import { realPath } from '../system/real-path.ts'
import { messageOf } from '../contract/message-of.ts'

export interface ContentTreeOptions extends IgnoreOptions {
  /** Folder of the application; a symbolic link is followed anew at each reading. */
  readonly root: string
  /** Files outside of it that count as well, by absolute path, as soon as they are there. @default none */
  readonly besides?: readonly string[]
}

/** The content of an application on disk: every regular file that is neither ignored nor larger than 5 MiB. */
export interface ContentTree extends Tree {
  /** Whether a path relative to the root is no content; the folder above it is assumed to be. */
  isIgnored(path: string, isDirectory: boolean): boolean
  /** From now on the file or folder is no content, as after the application was seen writing it. */
  exclude(path: string): void
  /**
   * From now on these files count as well, whether they are elsewhere, ignored or large: under their path relative to
   * the root, or their absolute path.
   */
  follow(belongings: Belongings): void
  /** Absolute paths of the files that count and that a look at the folder alone does not show, except in `node_modules`. */
  readonly followed: readonly string[]
  /** Absolute paths of all files that count because the code imports them, except in `node_modules`, and of those besides. */
  readonly imported: readonly string[]
  /** Whether it is known that the code does not import this file, by its path relative to the root. */
  isUnimported(path: string): boolean
  /** Whether a file counts, and why, by its absolute path. */
  account(path: string): ContentAccount
}

export function createContentTree(options: ContentTreeOptions): ContentTree {
  return new DiskTree(options)
}

interface KnownFile {
  readonly stamp: string
  readonly hash: string
  /** The stamp may stand for other content as well, see {@link RACY_MS}. */
  readonly racy: boolean
}

interface Scan extends TreeState {
  readonly root: string
  readonly known: ReadonlyMap<string, KnownFile>
  /** Paths that were met by walking through the root. */
  readonly walked: ReadonlySet<string>
}

class DiskTree implements ContentTree {
  readonly #root: string
  readonly #besides: readonly string[]
  readonly #ignore: IgnoreFiles
  readonly #excluded = new Set<string>()
  readonly #packages = new PackageLook()
  /** As in {@link TreeState}. */
  #belongings: readonly string[] = []
  /** More counts than at the last look, which does not mean that anything changed. */
  #counted = false
  #last: Scan | undefined
  #reading: Promise<unknown> = Promise.resolve()

  constructor(options: ContentTreeOptions) {
    this.#root = options.root
    this.#besides = options.besides ?? []
    this.#ignore = new IgnoreFiles(options)
    this.#ignore.refresh(options.root)
  }

  /** Readings queue up, so that each sees the disk as it is after it was asked for. */
  read({ thorough = false }: TreeReadOptions = {}): Promise<TreeState> {
    const reading = this.#reading.then(() => {
      if (thorough) this.#packages.look()
      return this.#readSettled()
    })
    this.#reading = reading.catch(() => {})
    return reading
  }

  isIgnored(path: string, isDirectory: boolean): boolean {
    return this.#excluded.has(path) || this.#ignore.ignores(path, isDirectory)
  }

  exclude(path: string): void {
    this.#excluded.add(path)
  }

  follow({ files, packages }: Belongings): void {
    const root = this.#resolveRoot()
    this.#belongings = files.map((path) => (path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path))
    this.#packages.follow(packages)
    this.#counted = true
  }

  get followed(): readonly string[] {
    const { root = this.#root, walked } = this.#last ?? {}
    const imported = this.#belongings.filter((path) => !walked?.has(path))
    return [...imported.map((path) => resolve(root, path)), ...this.#besides]
  }

  get imported(): readonly string[] {
    const { root = this.#root } = this.#last ?? {}
    return [...this.#belongings.map((path) => resolve(root, path)), ...this.#besides]
  }

  isUnimported(path: string): boolean {
    return this.#belongings.length > 0 && !this.#belongings.includes(path)
  }

  account(path: string): ContentAccount {
    const root = this.#resolveRoot()
    this.#ignore.refresh(root)
    const status = targetStatus(path)
    const what = status === undefined ? 'nothing' : status.isDirectory() ? 'folder' : 'file'
    const real = realPath(path)
    if (real === root) return { what, counts: true, isImported: null }
    const relative = relativeTo(root, path) ?? relativeTo(this.#root, path) ?? relativeTo(root, real)
    const isImported = this.#belongings.includes(relativeTo(root, real) ?? real) || this.#packages.has(real)
    const obstacle = this.#besides.includes(path) ? undefined : this.#obstacleTo(root, relative, status)
    return {
      what,
      counts: obstacle === undefined || (isImported && obstacle.kind !== 'written'),
      isImported: this.#belongings.length === 0 ? null : isImported,
      ...(obstacle !== undefined && { obstacle }),
    }
  }

  #obstacleTo(
    root: string,
    path: string | undefined,
    status: Stats | undefined,
  ): ContentObstacle | undefined {
    if (path === undefined) return { kind: 'outside' }
    const parts = path.split('/')
    for (const depth of parts.keys()) {
      const at = parts.slice(0, depth + 1).join('/')
      const isLast = depth === parts.length - 1
      if (this.#excluded.has(at)) return { kind: 'written', path: at }
      const against = this.#ignore.ruleAgainst(at, isLast ? status?.isDirectory() === true : true)
      if (against !== undefined) return { kind: 'ignored', path: at, ...against }
      if (!isLast && isLink(join(root, at))) return { kind: 'behind-link', path: at }
    }
    const bytes = status?.isFile() === true ? status.size : 0
    return bytes > MAX_FILE_BYTES ? { kind: 'large', bytes, maxBytes: MAX_FILE_BYTES } : undefined
  }

  /** A checkout or a copy that is under way is waited for: two looks must be equal. */
  async #readSettled(): Promise<TreeState> {
    const deadlineMs = performance.now() + MAX_SETTLE_MS
    let scan = await this.#scan()
    while (this.#isUnderWay(scan) && performance.now() < deadlineMs) {
      await Bun.sleep(SETTLE_MS)
      const before = scan
      scan = await this.#scan()
      if (scan.generation === before.generation && !this.#isGitAtWork()) break
    }
    this.#last = scan
    return scan
  }

  #isUnderWay(scan: Scan): boolean {
    if (this.#counted) {
      this.#counted = false
      return false
    }
    if (this.#last === undefined || this.#last.generation === scan.generation) return false
    return changedPaths(this.#last, scan).length > BULK_FILES || this.#isGitAtWork()
  }

  #isGitAtWork(): boolean {
    const repository = repositoryOf(this.#root)
    return repository !== undefined && existsSync(join(repository, '.git/index.lock'))
  }

  async #scan(): Promise<Scan> {
    const root = this.#resolveRoot()
    this.#ignore.refresh(root)
    const known = new Map<string, KnownFile>()
    let newestMs = 0
    let sliceEndsMs = performance.now() + SLICE_MS
    const folders = ['']
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      for (const entry of entriesOf(join(root, folder))) {
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`
        if (this.isIgnored(path, entry.isDirectory())) continue
        if (entry.isDirectory()) {
          folders.push(path)
          continue
        }
        const status = statusOf(join(root, path))
        const file = status && this.#look(join(root, path), path, status)
        if (file === undefined) continue
        known.set(path, file)
        newestMs = Math.max(newestMs, status?.mtimeMs ?? 0)
      }
      if (performance.now() > sliceEndsMs) {
        await new Promise((resolve) => setImmediate(resolve))
        sliceEndsMs = performance.now() + SLICE_MS
      }
    }
    const walked = new Set(known.keys())
    for (const path of this.#belongings) {
      const status = known.has(path) || this.#excluded.has(path) ? undefined : statusOf(resolve(root, path))
      const file = status && this.#lookAt(resolve(root, path), path, status)
      if (file === undefined) continue
      known.set(path, file)
      newestMs = Math.max(newestMs, status?.mtimeMs ?? 0)
    }
    for (const path of this.#besides) {
      const status = statusOf(path)
      const file = status && this.#look(path, path, status)
      if (file === undefined) continue
      known.set(path, file)
      newestMs = Math.max(newestMs, status?.mtimeMs ?? 0)
    }
    const packages = this.#packagesAsFile()
    if (packages !== undefined) known.set(PACKAGES, packages)
    return this.#summarize(root, known, walked, newestMs)
  }

  #packagesAsFile(): KnownFile | undefined {
    const { hash } = this.#packages
    const before = this.#last?.known.get(PACKAGES)
    if (hash === undefined) return undefined
    if (before?.hash === hash) return before
    return { stamp: '', hash, racy: false }
  }

  #resolveRoot(): string {
    try {
      const root = realpathSync(this.#root)
      readdirSync(root)
      return root
    } catch (error) {
      const reason = messageOf(error)
      throw new ManagerError('TREE_UNREADABLE', { root: this.#root, reason }, { cause: error })
    }
  }

  /** Unchanged size, times and inode mean unchanged content, unless it was hashed right after it was written. */
  #look(absolute: string, path: string, status: Stats): KnownFile | undefined {
    if (status.isSymbolicLink()) return linkContent(absolute)
    if (status.size > MAX_FILE_BYTES) return undefined
    return this.#lookAt(absolute, path, status)
  }

  #lookAt(absolute: string, path: string, status: Stats): KnownFile | undefined {
    if (!status.isFile()) return undefined
    const stamp = `${status.ino} ${status.size} ${status.mtimeMs} ${status.ctimeMs}`
    const before = this.#last?.known.get(path)
    if (before?.stamp === stamp && !before.racy) return before
    const racy = Date.now() - status.mtimeMs < RACY_MS
    const bytes = bytesOf(absolute)
    return bytes === undefined ? undefined : { stamp, hash: hashOf(bytes), racy }
  }

  /** A root that is a link also stands for where it leads: the same code in another release has another folder. */
  #summarize(
    root: string,
    known: ReadonlyMap<string, KnownFile>,
    walked: ReadonlySet<string>,
    newestMs: number,
  ): Scan {
    const before = this.#last
    if (before !== undefined && before.root === root && isSame(before.known, known)) return before
    const paths = [...known.keys()].toSorted()
    const hasher = new Bun.CryptoHasher('sha256')
    if (isLink(this.#root)) hasher.update(`${root}\0`)
    const files = new Map<string, string>()
    for (const path of paths) {
      const hash = known.get(path)?.hash ?? ''
      files.set(path, hash)
      hasher.update(`${path}\0${hash}\n`)
    }
    return { generation: hasher.digest('hex').slice(0, 12), files, newestMs, root, known, walked }
  }
}

/** `undefined` for a path that is not below the folder. */
function relativeTo(folder: string, path: string): string | undefined {
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : undefined
}

/** Files that did not change are the same objects in both. */
function isSame(before: ReadonlyMap<string, KnownFile>, after: ReadonlyMap<string, KnownFile>): boolean {
  if (before.size !== after.size) return false
  for (const [path, file] of after) if (before.get(path) !== file) return false
  return true
}

/** The folder or the nearest one above it that is a working tree of git. */
function repositoryOf(folder: string): string | undefined {
  if (existsSync(join(folder, '.git'))) return folder
  const above = dirname(folder)
  return above === folder ? undefined : repositoryOf(above)
}

/** Paths that are in only one of two states, or differ in content. */
export function changedPaths(before: TreeState, after: TreeState): readonly string[] {
  const changed = [...after.files]
    .filter(([path, hash]) => before.files.get(path) !== hash)
    .map(([path]) => path)
  const removed = [...before.files.keys()].filter((path) => !after.files.has(path))
  return [...changed, ...removed]
}

/** A linked file counts by its content, a linked folder by where the link leads: it may lead in circles. */
function linkContent(absolute: string): KnownFile | undefined {
  const target = targetStatus(absolute)
  if (target?.isFile() === true && target.size > MAX_FILE_BYTES) return undefined
  const bytes = target?.isFile() === true ? bytesOf(absolute) : Buffer.from(linkTarget(absolute) ?? '')
  return bytes === undefined ? undefined : { stamp: '', hash: hashOf(bytes), racy: true }
}

function targetStatus(link: string): Stats | undefined {
  try {
    return statSync(link)
  } catch {
    // ENOENT, ELOOP, EACCES: it leads nowhere, in circles, or where we may not look.
    return undefined
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
}

function hashOf(bytes: Uint8Array): string {
  return new Bun.CryptoHasher('sha256').update(bytes).digest('hex')
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    // Removed or made unreadable meanwhile.
    return []
  }
}

function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch {
    // EACCES, ENOTDIR: not readable, hence not content.
    return undefined
  }
}

function bytesOf(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path)
  } catch {
    // Removed or made unreadable meanwhile.
    return undefined
  }
}
