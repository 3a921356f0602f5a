import { readFileSync } from 'node:fs'
import { allEnvFiles, type FileMode, readEnvFiles } from './env-files.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The environment without what the runtime, or `bun run`, read from `.env` files of these folders: each generation
 * reads those itself, so that a reload sees what changed, and those of its mode. What was set to another value from
 * outside stays, and wins.
 */
export function ownEnvironment(env: Environment, folders: readonly string[]): Environment {
  const read = folders.flatMap(allEnvFiles)
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name, value]) => isExported(name, value) || !read.some(({ values }) => values[name] === value),
    ),
  )
}

/** What chooses the files: it may well be exported, and said again in one that only counts then. */
const CHOOSING: ReadonlySet<string> = new Set(['NODE_ENV', 'BUN_ENV'])

/** Whether this process was started with it, and not by `bun run`, which reads `.env` files for its scripts. */
function isExported(name: string, value: string | undefined): boolean {
  if (!CHOOSING.has(name) || process.env['npm_lifecycle_event'] !== undefined) return false
  try {
    return readFileSync('/proc/self/environ', 'utf8').split('\0').includes(`${name}=${value}`)
  } catch {
    // Not Linux.
    return false
  }
}

/** A variable that a `.env` file of a folder sets. */
export interface FileVariable {
  readonly value: string
  /** Name of the file. */
  readonly file: string
}

/**
 * What the `.env` files of a mode say in the folder the program was started in.
 *
 * @param env what the runtime made of them: references to other variables are resolved there
 */
export function fileVariables(
  env: Environment,
  folder: string,
  mode: FileMode,
): ReadonlyMap<string, FileVariable> {
  const found = new Map<string, FileVariable>()
  for (const { name: file, values } of readEnvFiles(folder, mode)) {
    for (const [name, text = ''] of Object.entries(values)) {
      const value = text.includes('$') ? (env[name] ?? text) : text
      if (!found.has(name)) found.set(name, { value, file })
    }
  }
  return found
}
