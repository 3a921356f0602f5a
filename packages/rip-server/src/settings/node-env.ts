import { asFileMode, type EnvFile, type FileMode, readEnvFiles } from './env-files.ts'
import type { Mode } from './settings.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What the application is told about where it runs. */
export interface NodeEnv {
  /** Value of `NODE_ENV`. */
  readonly value: string
  /** Where it comes from: `NODE_ENV`, the name of a `.env` file, or `default`. */
  readonly origin: string
  /** Whose `.env` files Bun reads. */
  readonly files: FileMode
  /** Variables that make it so. */
  readonly variables: Readonly<Record<string, string>>
}

/**
 * `production` for `start` and `development` for `dev`, unless the user has said otherwise: in the environment, or
 * in a `.env` file of the application.
 *
 * @param own what was exported, see `ownEnvironment`
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
  // A file that every mode reads decides about the others, too.
  const decides = bunEnv === undefined && !saying.name.startsWith(`.env.${files}`)
  return told(value, saying.name, (decides ? asFileMode(value) : undefined) ?? files, bunEnv)
}

const says = ({ values }: EnvFile): boolean => (values['NODE_ENV'] ?? '') !== ''

function told(value: string, origin: string, files: FileMode, bunEnv: string | undefined): NodeEnv {
  const byItself = asFileMode(value) ?? 'development'
  // Bun goes by it before `NODE_ENV`, of which it knows three values only.
  const variables = { NODE_ENV: value, ...(bunEnv === undefined && byItself !== files && { BUN_ENV: files }) }
  return { value, origin, files, variables }
}
