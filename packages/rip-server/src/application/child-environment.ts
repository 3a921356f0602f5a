import { LISTEN_VARIABLES, SYSTEMD_VARIABLES } from '@rip/manager'
import { nodeEnv } from '../settings/node-env.ts'
import { fileEnvironment, fileVariables, ownEnvironment, valuesOf } from '../settings/own-environment.ts'
import type { Mode } from '../settings/settings.ts'
import { SUCCESSION_VARIABLES } from '../instance/succession.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface ChildEnvironmentPlace {
  /** Folder of the application, whose `.env` files are read. */
  readonly root: string
  /** Folder the program was started in. */
  readonly cwd: string
  readonly mode: Mode
  /** Whether the children run as another user. @default false */
  readonly isForeign?: boolean | undefined
}

/** Variables with which systemd and a predecessor address this process alone. */
const forUs = new Set([...SYSTEMD_VARIABLES, ...LISTEN_VARIABLES, ...SUCCESSION_VARIABLES])

/**
 * The environment of builders and workers, read anew for each generation: exported variables, then the `.env` files of
 * the mode in the folder where the program was started, then those in the folder of the application, and the `NODE_ENV`
 * of the mode unless the user has set another. Children are started with it and read no file themselves, so a worker
 * that replaces another later gets the environment its generation was proven with.
 *
 * @returns a function that throws ServerError `FILE_REFUSED`
 */
export function childEnvironment(
  env: Environment,
  { root, cwd, mode, isForeign }: ChildEnvironmentPlace,
): () => Readonly<Record<string, string>> {
  // Computed now: once the files have changed, it is unknown which variables the runtime had read from them.
  const own = ownEnvironment(env, [root, cwd])
  return () => {
    const { files, variables } = nodeEnv(own, root, mode, isForeign)
    const options = { mode: files, isForeign }
    const fromStart = cwd === root ? {} : valuesOf(fileVariables(own, cwd, options))
    const outside = { ...fromStart, ...own, ...variables }
    return forChildren(fileEnvironment(outside, root, options))
  }
}

/** The variables that are set, without those that address this process alone. */
export function forChildren(env: Environment): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !forUs.has(entry[0]),
    ),
  )
}
