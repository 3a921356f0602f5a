import { readFileSync } from 'node:fs'
import { ServerError } from '../errors.ts'
import { allEnvFiles, type EnvFileOptions, readEnvFiles } from './env-files.ts'
import { expandVariables } from './expand-variables.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The environment without what the runtime, or `bun run`, read from `.env` files of these folders: those are read for
 * each generation, so that a reload sees what changed, and those of its mode. A variable that was exported with another
 * value stays, and wins.
 */
export function ownEnvironment(env: Environment, folders: readonly string[]): Environment {
  const read = folders.flatMap(allEnvFiles)
  const exported = exportedHere()
  const isFromFile = (name: string, value: string | undefined): boolean => {
    const texts = read.flatMap(({ values }) => values[name] ?? [])
    if (texts.length === 0) return false
    const isOurs = env[name] === process.env[name]
    // A variable that the operator exported stays, even if a file has the same value.
    if (isOurs && exported !== undefined && !isScript()) return !exported.has(name)
    return texts.some((text) => text === value || expandVariables(text, (each) => env[each]) === value)
  }
  return Object.fromEntries(Object.entries(env).filter(([name, value]) => !isFromFile(name, value)))
}

/** Whether `bun run` has started this process: it reads `.env` files for its scripts, and passes their variables on. */
const isScript = (): boolean => process.env['npm_lifecycle_event'] !== undefined

/** Names this process was started with, before the runtime read files; undefined where the system does not tell. */
function exportedHere(): ReadonlySet<string> | undefined {
  try {
    const entries = readFileSync('/proc/self/environ', 'utf8').split('\0')
    return new Set(entries.map((entry) => entry.slice(0, entry.indexOf('='))))
  } catch {
    // There is no /proc: not Linux.
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
 * What the `.env` files of a folder add to an environment, as Bun adds it when it starts there: variables that are set
 * stay, and of several files the first that names a variable wins. References use the values known when their file is
 * read.
 *
 * @throws ServerError `FILE_REFUSED`
 */
export function fileVariables(
  env: Environment,
  folder: string,
  options: EnvFileOptions,
): ReadonlyMap<string, FileVariable> {
  const added = new Map<string, FileVariable>()
  const valueOf = (name: string): string | undefined => env[name] ?? added.get(name)?.value
  for (const { name: file, values } of readEnvFiles(folder, options)) {
    const fresh = Object.entries(values).filter(([name]) => valueOf(name) === undefined)
    for (const [name, value = ''] of fresh) added.set(name, { value, file })
    for (const [name, value = ''] of fresh) {
      const expanded = expandVariables(value, valueOf)
      refuseUnpassable(name, expanded, `${folder}/${file}`)
      added.set(name, { value: expanded, file })
    }
  }
  return added
}

/** An environment with what the `.env` files of a folder add to it. */
export function fileEnvironment(env: Environment, folder: string, options: EnvFileOptions): Environment {
  return { ...valuesOf(fileVariables(env, folder, options)), ...env }
}

export function valuesOf(variables: ReadonlyMap<string, FileVariable>): Readonly<Record<string, string>> {
  return Object.fromEntries([...variables].map(([name, { value }]) => [name, value]))
}

/** Longest variable, with its name and the byte after it; see MAX_ARG_STRLEN in execve(2). */
const MAX_VARIABLE_BYTES = 131_072

/** Refuses a variable that no system can pass to a process. */
function refuseUnpassable(name: string, value: string, path: string): void {
  if (value.includes('\0'))
    throw new ServerError('FILE_REFUSED', { path, reason: `${name} has a null byte; it has to be UTF-8` })
  if (Buffer.byteLength(name) + Buffer.byteLength(value) + 2 > MAX_VARIABLE_BYTES)
    throw new ServerError('FILE_REFUSED', {
      path,
      reason: `${name} is longer than the 128 KiB a variable may have; put it into a file of its own`,
    })
}
