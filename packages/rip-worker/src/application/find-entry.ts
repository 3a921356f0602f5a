import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { reasonOf, WorkerError } from '../errors.ts'

/** Names an application's file may have when nobody names one, in this order. */
const NAMES = ['index', 'app', 'server', 'main'] as const
const EXTENSIONS = ['.rip', '.ts', '.tsx', '.js', '.mjs'] as const

export interface Entry {
  /** Absolute path of the file. */
  readonly file: string
  readonly foundBy: 'given' | 'package.json' | 'convention'
}

/**
 * The file of an application: the given file, else `rip.entry` of the folder's `package.json`, else the first
 * of `index`, `app`, `server`, `main` with `.rip`, `.ts`, `.tsx`, `.js`, `.mjs`.
 *
 * @throws WorkerError `RIP_APP_NOT_FOUND`, `RIP_APP_MISSING`, `RIP_PACKAGE_UNREADABLE`.
 */
export function findEntry(target: string = '.', cwd: string = process.cwd()): Entry {
  const path = resolve(cwd, target)
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined)
    throw new WorkerError('RIP_APP_MISSING', { file: path, namedBy: 'the command line' })
  if (!stats.isDirectory()) return { file: path, foundBy: 'given' }
  return namedByPackage(path) ?? namedByConvention(path)
}

function namedByPackage(folder: string): Entry | undefined {
  const manifest = join(folder, 'package.json')
  if (!existsSync(manifest)) return undefined
  const entry = readEntry(manifest)
  if (entry === undefined) return undefined
  const file = resolve(folder, entry)
  if (!existsSync(file))
    throw new WorkerError('RIP_APP_MISSING', { file, namedBy: `"rip.entry" in ${manifest}` })
  return { file, foundBy: 'package.json' }
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

function namedByConvention(folder: string): Entry {
  for (const name of NAMES) {
    for (const extension of EXTENSIONS) {
      const file = join(folder, name + extension)
      if (existsSync(file)) return { file, foundBy: 'convention' }
    }
  }
  const tried = `${NAMES.join(', ')} with ${EXTENSIONS.join(', ')}`
  throw new WorkerError('RIP_APP_NOT_FOUND', { searched: folder, tried })
}
