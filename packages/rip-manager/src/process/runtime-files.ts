import { type Stats, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { namesIn } from '../system/names-in.ts'
import { extendedFiles } from './extended-files.ts'

/** Files Bun reads when it starts, or once and for all when it first looks at the folder. */
const RUNTIME_FILES = /^(?:\.env|bunfig\.toml$|package\.json$|[jt]sconfig.*\.json$)/

const CONFIGURATIONS = /\/[jt]sconfig[^/]*\.json$/

/** Those of them that folders above share, as in a workspace. */
const SHARED_FILES = ['tsconfig.json', 'jsconfig.json', 'tsconfig.base.json'] as const

/** The files that Bun reads when it starts in a folder, each with its inode, size and time. */
export function runtimeFiles(folder: string): readonly string[] {
  const own = namesIn(folder).filter((name) => RUNTIME_FILES.test(name))
  const shared = foldersAbove(folder).flatMap((above) => SHARED_FILES.map((name) => join(above, name)))
  const named = [...own.map((name) => join(folder, name)), ...shared]
  const extended = extendedFiles(named.filter((path) => CONFIGURATIONS.test(path)))
  return [...named, ...extended].flatMap((path) => {
    const status = statusOf(path)
    return status === undefined ? [] : [`${path} ${status.ino} ${status.size} ${status.mtimeMs}`]
  })
}

function foldersAbove(folder: string): readonly string[] {
  const above = dirname(folder)
  return above === folder ? [] : [above, ...foldersAbove(above)]
}

function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    // EACCES, ELOOP
    return undefined
  }
}
