import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseEnv } from 'node:util'

/** The names of `NODE_ENV` that choose the `.env` files Bun reads; any other chooses those of development. */
const FILE_MODES = ['production', 'development', 'test'] as const

export type FileMode = (typeof FILE_MODES)[number]

/** What a `.env` file says. */
export interface EnvFile {
  readonly name: string
  readonly values: Readonly<NodeJS.Dict<string>>
}

export function asFileMode(text: string | undefined): FileMode | undefined {
  return FILE_MODES.find((each) => each === text)
}

/** The files Bun reads for a mode, those that win first (Bun 1.4.5). */
export function envFileNames(mode: FileMode): readonly string[] {
  // Tests are to run the same for everybody.
  const local = mode === 'test' ? [] : ['.env.local']
  return [`.env.${mode}.local`, ...local, `.env.${mode}`, '.env']
}

/** The files that Bun reads for other modes only: their content makes no difference. */
export function otherEnvFileNames(mode: FileMode): readonly string[] {
  const read = envFileNames(mode)
  return FILE_MODES.flatMap(envFileNames).filter((name) => !read.includes(name))
}

export function readEnvFiles(folder: string, mode: FileMode): readonly EnvFile[] {
  return envFileNames(mode).map((name) => readEnvFile(join(folder, name)))
}

/** The `.env` files of a folder that Bun reads in one mode or another; it never reads `.env.example` and the like. */
export function allEnvFiles(folder: string): readonly EnvFile[] {
  const names = new Set(FILE_MODES.flatMap(envFileNames))
  return [...names].map((name) => readEnvFile(join(folder, name)))
}

function readEnvFile(path: string): EnvFile {
  const name = basename(path)
  try {
    return { name, values: parseEnv(readFileSync(path, 'utf8')) }
  } catch {
    // ENOENT or EACCES: then the runtime has not read it either.
    return { name, values: {} }
  }
}

const REFERENCE = /\\?\$(?:\{(\w+)(?::-([^}]*))?\}|([A-Za-z_]\w*))/g

/** A value with its references to other variables resolved, as Bun does it: `$NAME`, `${NAME}`, `${NAME:-default}`. */
export function expanded(text: string, valueOf: (name: string) => string | undefined): string {
  return text.replace(REFERENCE, (whole, braced?: string, fallback?: string, plain?: string) => {
    if (whole.startsWith('\\')) return whole.slice(1)
    return valueOf(braced ?? plain ?? '') ?? fallback ?? ''
  })
}
