import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { reasonOf, WorkerError } from '../errors.ts'

/** Names an application's file may have when nobody names one, in this order. */
const NAMES = ['index', 'app', 'server', 'main'] as const
const EXTENSIONS = ['.rip', '.ts', '.tsx', '.js', '.mjs'] as const

export interface FindEntryOptions {
  /** @default the working directory of the process */
  readonly cwd?: string
  /** Folder of a snapshot: only modules it has count, whether or not they are on disk. */
  readonly snapshot?: string | undefined
}

export interface Entry {
  /** Absolute path of the file. */
  readonly file: string
  readonly foundBy: 'given' | 'package.json' | 'convention'
}

/** Whether a module belongs to the application. */
type HasModule = (file: string) => boolean

/**
 * The file of an application: the given file, else `rip.entry` of the folder's `package.json`, else the first
 * of `index`, `app`, `server`, `main` with `.rip`, `.ts`, `.tsx`, `.js`, `.mjs`.
 *
 * @throws WorkerError `RIP_APP_NOT_FOUND`, `RIP_APP_MISSING`, `RIP_PACKAGE_UNREADABLE`, `RIP_LOADER_FAILED`.
 */
export function findEntry(target: string = '.', options: FindEntryOptions = {}): Entry {
  const named = resolve(options.cwd ?? process.cwd(), target)
  const manifest = options.snapshot === undefined ? undefined : readSnapshot(options.snapshot)
  const path = manifest === undefined ? named : pathIn(manifest, named)
  const has = manifest === undefined ? existsSync : modulesOf(manifest)
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory()
  if (isFolder === false || (isFolder === undefined && has(path))) return { file: path, foundBy: 'given' }
  if (isFolder === undefined && manifest === undefined) {
    throw new WorkerError('RIP_APP_MISSING', { file: path, namedBy: 'the command line' })
  }
  return namedByPackage(path, has) ?? namedByConvention(path, has)
}

/** What is read of a snapshot's manifest. */
interface SnapshotManifest {
  readonly root: string
  /** How the root was named; by now a link in it may lead to a newer release. */
  readonly namedRoot: string
  readonly files: Readonly<Record<string, unknown>>
}

function readSnapshot(folder: string): SnapshotManifest {
  try {
    return JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as SnapshotManifest
  } catch (cause) {
    throw new WorkerError('RIP_LOADER_FAILED', { reason: reasonOf(cause) }, { cause })
  }
}

/** A snapshot knows its modules by the real paths they had when it was taken. */
function pathIn({ root, namedRoot }: SnapshotManifest, path: string): string {
  if (path === namedRoot || path.startsWith(`${namedRoot}/`)) return root + path.slice(namedRoot.length)
  try {
    return realpathSync(path)
  } catch {
    // ENOENT: the files were removed since; the snapshot has them.
    return path
  }
}

function modulesOf({ root, files }: SnapshotManifest): HasModule {
  return (file) => Object.hasOwn(files, relative(root, file))
}

function namedByPackage(folder: string, has: HasModule): Entry | undefined {
  const manifest = join(folder, 'package.json')
  if (!existsSync(manifest)) return undefined
  const entry = readEntry(manifest)
  if (entry === undefined) return undefined
  const file = resolve(folder, entry)
  if (has(file)) return { file, foundBy: 'package.json' }
  throw new WorkerError('RIP_APP_MISSING', { file, namedBy: `"rip.entry" in ${manifest}` })
}

function readEntry(manifest: string): string | undefined {
  const content = parseManifest(manifest)
  const entry = content?.rip?.entry
  if (entry === undefined || typeof entry === 'string') return entry
  const reason = `"rip.entry" is ${JSON.stringify(entry)}, expected a path in quotes`
  throw new WorkerError('RIP_PACKAGE_UNREADABLE', { file: manifest, reason })
}

function parseManifest(manifest: string): { readonly rip?: { readonly entry?: unknown } | null } | null {
  try {
    return JSON.parse(readFileSync(manifest, 'utf8'))
  } catch (cause) {
    throw new WorkerError('RIP_PACKAGE_UNREADABLE', { file: manifest, reason: reasonOf(cause) }, { cause })
  }
}

function namedByConvention(folder: string, has: HasModule): Entry {
  for (const name of NAMES) {
    for (const extension of EXTENSIONS) {
      const file = join(folder, name + extension)
      if (has(file)) return { file, foundBy: 'convention' }
    }
  }
  const tried = `${NAMES.join(', ')} with ${EXTENSIONS.join(', ')}`
  throw new WorkerError('RIP_APP_NOT_FOUND', { searched: folder, tried })
}
