import { LISTEN_VARIABLES, SYSTEMD_VARIABLES } from '@rip/manager'
import { nodeEnv } from '../config/node-env.ts'
import { fileVariables, ownEnvironment } from '../config/own-environment.ts'
import type { Mode } from '../config/settings.ts'
import { SUCCESSION_VARIABLES } from './succession.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface ChildEnvironmentPlace {
  /** Folder of the application, whose `.env` files each child reads itself. */
  readonly root: string
  /** Folder the program was started in. */
  readonly cwd: string
  readonly mode: Mode
}

/** What systemd and a server before this one say to this process alone. */
const forUs = new Set([...SYSTEMD_VARIABLES, ...LISTEN_VARIABLES, ...SUCCESSION_VARIABLES])

/**
 * The environment of builders and workers, read anew for each generation: what was exported, what the `.env` files of
 * the mode say where the program was started, and the `NODE_ENV` of the mode unless the user has set another.
 */
export function childEnvironment(
  env: Environment,
  { root, cwd, mode }: ChildEnvironmentPlace,
): () => Readonly<Record<string, string>> {
  // Now: when the files have changed nobody can tell any more what the runtime had read from them.
  const own = ownEnvironment(env, [root, cwd])
  return () => {
    const { files, variables } = nodeEnv(own, root, mode)
    const fromStart = cwd === root ? [] : [...fileVariables(own, cwd, files)]
    const read = Object.fromEntries(fromStart.map(([name, { value }]) => [name, value]))
    return Object.fromEntries(
      Object.entries({ ...read, ...own, ...variables }).filter(
        (entry): entry is [string, string] => entry[1] !== undefined && !forUs.has(entry[0]),
      ),
    )
  }
}
