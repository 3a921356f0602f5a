import { readdirSync, statSync } from 'node:fs'
import { basename, extname, join, relative, resolve } from 'node:path'
import { DEFAULT_EXTENSIONS } from '../defaults.ts'
import { COMPILED_EXTENSIONS } from '../snapshot/compiled-extensions.ts'

export interface Source {
  /** Absolute, or `-` for standard input, whose result is named `stdin`. */
  readonly path: string
  /** Path below the folder for results, with the ending of the source. */
  readonly relative: string
  readonly extension: string
}

/**
 * The files an input stands for: itself, or all files of the language below a folder except in `node_modules`
 * and `.git`, sorted by path.
 *
 * @throws {Error} When there is no such file or folder, or a file is no source.
 */
export function findSources(input: string, cwd: string): readonly Source[] {
  if (input === '-') return [{ path: '-', relative: 'stdin.rip', extension: '.rip' }]
  const path = resolve(cwd, input)
  const state = statSync(path, { throwIfNoEntry: false })
  if (!state) throw new Error(`there is no file or folder ${path}`)
  if (!state.isDirectory()) return [oneFile(path)]
  return filesBelow(path).map((file) => ({
    path: file,
    relative: relative(path, file),
    extension: extname(file),
  }))
}

function oneFile(path: string): Source {
  const extension = extname(path)
  if (!COMPILED_EXTENSIONS.has(extension)) {
    const known = [...COMPILED_EXTENSIONS].join(' ')
    throw new Error(`${path} is in no language to compile; its name may end in ${known}`)
  }
  return { path, relative: basename(path), extension }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return ['node_modules', '.git'].includes(entry.name) ? [] : filesBelow(path)
      return entry.isFile() && DEFAULT_EXTENSIONS.includes(extname(entry.name)) ? [path] : []
    })
}
