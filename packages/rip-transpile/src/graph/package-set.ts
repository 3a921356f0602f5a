import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

/** Larger files, and native ones, are identified and not kept. */
const MAX_KEPT_BYTES = 5_242_880
/** Files beyond this sum are identified and not kept. */
const MAX_SET_BYTES = 268_435_456

/** A file in `node_modules` that is imported, or a `package.json` that decides which file is. */
export interface PackageFile {
  /** SHA-256 of its content. */
  readonly hash: string
  /** See {@link stampOf}. */
  readonly stamp: string
  /** Whether its content is in the set's folder, under the name of its hash. */
  readonly kept: boolean
  /** Whether it is CommonJS, for which packages may have other files. */
  readonly commonjs: boolean
  /** Absolute paths by specifier; null for those that lead nowhere. */
  readonly imports: Readonly<Record<string, string | null>>
}

export type PackageFiles = ReadonlyMap<string, PackageFile>

/** A file that was read for a set: with its content, unless an earlier set has it. */
export interface ReadPackageFile extends PackageFile {
  readonly bytes?: Uint8Array
}

/**
 * Stands for a file's content, so that it need not be read. Leaves out the time of its last change of status, because
 * package managers link one file into many projects, and each link changes that time.
 */
export function stampOf({ ino, size, mtimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs}`
}

function sizeIn(stamp: string): number {
  return Number(stamp.split(' ')[1])
}

export function isKept(path: string, bytes: number): boolean {
  return bytes <= MAX_KEPT_BYTES && !path.endsWith('.node')
}

/** Undefined when there is none that can be read, for example because it was removed. */
export function readIndex(path: string): PackageFiles | undefined {
  try {
    return new Map(Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, PackageFile>))
  } catch {
    return undefined
  }
}

/**
 * Keeps the files in a folder of their own below `parent`, named after their content, and returns its path. What an
 * earlier set has is linked.
 */
export function writePackageSet(
  parent: string,
  files: ReadonlyMap<string, ReadPackageFile>,
  earlier: string | undefined,
): string {
  const folder = join(parent, nameOf(files))
  if (existsSync(indexPath(folder))) return folder
  const temporary = `${folder}.${process.pid}.tmp`
  mkdirSync(temporary, { recursive: true, mode: 0o700 })
  let room = MAX_SET_BYTES
  const index: Record<string, PackageFile> = {}
  for (const [path, { bytes, ...file }] of files) {
    room -= sizeIn(file.stamp)
    const kept =
      file.kept && room >= 0 && keep(join(temporary, file.hash), bytes, earlier && join(earlier, file.hash))
    index[path] = { ...file, kept }
  }
  writeFileSync(indexPath(temporary), JSON.stringify(index), { mode: 0o600 })
  return publish(temporary, folder)
}

function publish(temporary: string, folder: string): string {
  try {
    renameSync(temporary, folder)
  } catch (error) {
    // ENOTEMPTY: another process was faster.
    rmSync(temporary, { recursive: true, force: true })
    if (!existsSync(indexPath(folder))) throw error
  }
  return folder
}

function keep(path: string, bytes: Uint8Array | undefined, earlier: string | undefined): boolean {
  if (existsSync(path)) return true
  if (bytes !== undefined) {
    writeFileSync(path, bytes, { mode: 0o600 })
    return true
  }
  if (earlier === undefined) return false
  linkOrCopy(earlier, path)
  return true
}

/** Linux refuses links to files of another user (`fs.protected_hardlinks`). */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
    copyFileSync(from, to)
  }
}

function nameOf(files: PackageFiles): string {
  const hasher = new Bun.CryptoHasher('sha256')
  for (const path of [...files.keys()].toSorted()) hasher.update(`${path}\0${files.get(path)?.hash}\n`)
  return hasher.digest('hex').slice(0, 16)
}

export function indexPath(folder: string): string {
  return join(folder, 'packages.json')
}
