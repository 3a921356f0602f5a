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
  const path = realPath(resolve(options.cwd ?? process.cwd(), target), options.snapshot)
  const has = options.snapshot === undefined ? existsSync : modulesOf(options.snapshot)
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory()
  if (isFolder === false || (isFolder === undefined && has(path))) return { file: path, foundBy: 'given' }
  if (isFolder === undefined && options.snapshot === undefined) {
    throw new WorkerError('RIP_APP_MISSING', { file: path, namedBy: 'the command line' })
  }
  return namedByPackage(path, has) ?? namedByConvention(path, has)
}

/** A snapshot knows its modules by real paths; otherwise links stay as the user wrote them. */
function realPath(path: string, snapshot: string | undefined): string {
  if (snapshot === undefined) return path
  try {
    return realpathSync(path)
  } catch {
    // ENOENT: the files were removed since; the snapshot has them.
    return path
  }
}

function modulesOf(snapshot: string): HasModule {
  try {
    const manifest: { readonly root: string; readonly files: Readonly<Record<string, unknown>> } = JSON.parse(
      readFileSync(join(snapshot, 'manifest.json'), 'utf8'),
    )
    return (file) => Object.hasOwn(manifest.files, relative(manifest.root, file))
  } catch (cause) {
    throw new WorkerError('RIP_LOADER_FAILED', { reason: reasonOf(cause) }, { cause })
  }
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
