import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The environment without what the runtime, or `bun run`, read from `.env` files of the application: each generation
 * reads those itself, so that a reload sees what changed. What was set to another value from outside stays, and wins.
 */
export function ownEnvironment(env: Environment, root: string): Environment {
  const read = envFilesIn(root).map(parsed)
  return Object.fromEntries(
    Object.entries(env).filter(([name, value]) => !read.some((file) => file[name] === value)),
  )
}

function envFilesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile() && /^\.env(?:\.|$)/.test(entry.name))
      .map((entry) => join(folder, entry.name))
  } catch {
    // ENOENT, ENOTDIR or EACCES: whoever needs the folder says so.
    return []
  }
}

function parsed(path: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, 'utf8'))
  } catch {
    // EACCES or ENOENT: then the runtime has not read it either.
    return {}
  }
}
