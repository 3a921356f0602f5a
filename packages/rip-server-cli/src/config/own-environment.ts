import { readFileSync } from 'node:fs'
import { allEnvFiles, expanded, type FileMode, readEnvFiles } from './env-files.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The environment without what the runtime, or `bun run`, read from `.env` files of these folders: each generation
 * reads those itself, so that a reload sees what changed, and those of its mode. What was set to another value from
 * outside stays, and wins.
 */
export function ownEnvironment(env: Environment, folders: readonly string[]): Environment {
  const read = folders.flatMap(allEnvFiles)
  const exported = exportedHere()
  const isFromFile = (name: string, value: string | undefined): boolean => {
    const texts = read.flatMap(({ values }) => values[name] ?? [])
    if (texts.length === 0) return false
    const isOurs = env[name] === process.env[name]
    // What the operator set stays, although a file may say the same.
    if (isOurs && exported !== undefined && !isScript()) return !exported.has(name)
    return texts.some((text) => text === value || expanded(text, (each) => env[each]) === value)
  }
  return Object.fromEntries(Object.entries(env).filter(([name, value]) => !isFromFile(name, value)))
}

/** Whether `bun run` has started this process: it reads `.env` files for its scripts, and hands on what they say. */
const isScript = (): boolean => process.env['npm_lifecycle_event'] !== undefined

/** Names this process was started with, before the runtime read files; undefined where the system does not say. */
function exportedHere(): ReadonlySet<string> | undefined {
  try {
    const entries = readFileSync('/proc/self/environ', 'utf8').split('\0')
    return new Set(entries.map((entry) => entry.slice(0, entry.indexOf('='))))
  } catch {
    // Not Linux.
    return undefined
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
 * @param own what was exported: references to other variables mean those first
 */
export function fileVariables(
  own: Environment,
  folder: string,
  mode: FileMode,
): ReadonlyMap<string, FileVariable> {
  const texts = new Map<string, FileVariable>()
  for (const { name: file, values } of readEnvFiles(folder, mode)) {
    for (const [name, value = ''] of Object.entries(values))
      if (!texts.has(name)) texts.set(name, { value, file })
  }
  const valueOf = (text: string, depth: number): string =>
    expanded(text, (name) => {
      const other = texts.get(name)?.value
      return own[name] ?? (other === undefined || depth > MAX_DEPTH ? other : valueOf(other, depth + 1))
    })
  return new Map([...texts].map(([name, { value, file }]) => [name, { value: valueOf(value, 0), file }]))
}

/** A variable that refers to itself ends here. */
const MAX_DEPTH = 8
