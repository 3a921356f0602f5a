import { asFileMode, type EnvFile, type FileMode, readEnvFiles } from './env-files.ts'
import type { Mode } from './settings.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The application's `NODE_ENV`, with what follows from it. */
export interface NodeEnv {
  /** Value of `NODE_ENV`. */
  readonly value: string
  /** Its origin: `NODE_ENV`, the name of a `.env` file, or `default`. */
  readonly origin: string
  /** The mode whose `.env` files Bun reads. */
  readonly files: FileMode
  /** Variables that make a child see it. */
  readonly variables: Readonly<Record<string, string>>
}

/**
 * `production` for `start` and `development` for `dev`, unless the user has said otherwise: in the environment, or
 * in a `.env` file of the application.
 *
 * @param own exported variables, see `ownEnvironment`
 * @param root folder of the application
 * @param isForeign whether it runs as another user
 */
export function nodeEnv(own: Environment, root: string, mode: Mode, isForeign?: boolean): NodeEnv {
  const exported = own['NODE_ENV'] || undefined
  const bunEnv = own['BUN_ENV'] || undefined
  if (exported !== undefined)
    return told(exported, 'NODE_ENV', asFileMode(bunEnv ?? exported) ?? mode, bunEnv)
  const files = asFileMode(bunEnv) ?? mode
  const saying = readEnvFiles(root, { mode: files, isForeign }).find(says)
  if (saying === undefined) return told(mode, 'default', files, bunEnv)
  const value = saying.values['NODE_ENV']!
  // A file that Bun reads in every mode also decides which of the others it reads.
  const decides = bunEnv === undefined && !saying.name.startsWith(`.env.${files}`)
  return told(value, saying.name, (decides ? asFileMode(value) : undefined) ?? files, bunEnv)
}

const says = ({ values }: EnvFile): boolean => (values['NODE_ENV'] ?? '') !== ''

function told(value: string, origin: string, files: FileMode, bunEnv: string | undefined): NodeEnv {
  const byItself = asFileMode(value) ?? 'development'
  // Bun prefers `BUN_ENV` to `NODE_ENV`, of which it knows only three values.
  const variables = { NODE_ENV: value, ...(bunEnv === undefined && byItself !== files && { BUN_ENV: files }) }
  return { value, origin, files, variables }
}
