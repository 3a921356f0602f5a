import { LISTEN_VARIABLES, SYSTEMD_VARIABLES } from '@rip/manager'
import { nodeEnv } from '../settings/node-env.ts'
import { fileEnvironment, fileVariables, ownEnvironment, valuesOf } from '../settings/own-environment.ts'
import type { Mode } from '../settings/settings.ts'
import { withoutDebugger } from '../settings/without-debugger.ts'
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
  /** Whether what the children print ends on a terminal with colours, which they cannot see. @default false */
  readonly isColored?: boolean | undefined
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
  { root, cwd, mode, isForeign, isColored }: ChildEnvironmentPlace,
): () => Readonly<Record<string, string>> {
  // Computed now: once the files have changed, it is unknown which variables the runtime had read from them.
  const own = ownEnvironment(env, [root, cwd])
  return () => {
    const { files, variables } = nodeEnv(own, root, mode, isForeign)
    const options = { mode: files, isForeign }
    const fromStart = cwd === root ? {} : valuesOf(fileVariables(own, cwd, options))
    const outside = { ...fromStart, ...own, ...variables }
    const given = forChildren(fileEnvironment(outside, root, options))
    return isColored === true ? { ...coloring(given), ...given } : given
  }
}

/** Variables with which users choose colours themselves (https://no-color.org, https://force-color.org). */
const COLOR_CHOICES = ['NO_COLOR', 'FORCE_COLOR', 'NODE_DISABLE_COLORS'] as const

/** What makes programs print colours into a pipe, and how many. */
function coloring(env: Environment): { readonly FORCE_COLOR?: string } {
  if (COLOR_CHOICES.some((name) => env[name] !== undefined)) return {}
  if (/^(?:truecolor|24bit)$/i.test(env['COLORTERM'] ?? '')) return { FORCE_COLOR: '3' }
  return { FORCE_COLOR: (env['TERM'] ?? '').includes('256') ? '2' : '1' }
}

/** The variables that are set, without those that address this process alone, such as that of a debugger. */
export function forChildren(env: Environment): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(withoutDebugger(env)).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !forUs.has(entry[0]),
    ),
  )
}
