import type { Writable } from 'node:stream'
import type { ListenAddress } from '@rip/manager'
import { childEnvironment } from '../application/child-environment.ts'
import { foundByText, locateApp, locateEntry } from '../application/app-location.ts'
import { proveCertificate } from '../front/certificate.ts'
import { listenAddress } from '../front/listen-address.ts'
import type { Inheritance } from '../instance/succession.ts'
import type { FileMode } from '../settings/env-files.ts'
import type { LogFormat } from '../output/log-record.ts'
import { nodeEnv } from '../settings/node-env.ts'
import { ownEnvironment } from '../settings/own-environment.ts'
import type { Mode, Settings } from '../settings/settings.ts'
import { serverTenants, type ServerTenants } from '../tenants/tenants.ts'
import type { ReadSettings } from './live-configuration.ts'

/** Everything a server is made from, decided before anything is started. */
export interface ServerPlan {
  readonly mode: Mode
  readonly settings: Settings
  /** How to read them again; absent where they stay as they are. */
  readonly rereading?: Rereading
  /** Folder of the application; a symbolic link stays symbolic. */
  readonly root: string
  /** File of the application. */
  readonly entry: string
  /** How it was found, if nobody gave it. */
  readonly entryFoundBy: string | undefined
  readonly watch: boolean
  /** Where the balancer listens; without it workers are reached by their sockets alone. */
  readonly listen: ListenAddress | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** The environment of builders and workers, read anew for each generation. */
  readonly childEnv: () => Readonly<Record<string, string>>
  /** Whose `.env` files count. */
  readonly envFiles: FileMode
  /** Who else runs something of it; absent when all runs as whoever started it. */
  readonly tenants: ServerTenants | undefined
  /** Folder it was started in. */
  readonly cwd: string
  /** Told once it serves, a sentence each. */
  readonly hints: readonly string[]
  /** Set when this server takes the place of a running one. */
  readonly inherited: Inheritance | undefined
  readonly color: boolean
  readonly logFormat: LogFormat
  /** Takes what workers write to standard output. @default standard output */
  readonly output?: Writable
  /** Takes what workers and the balancer write to standard error. @default standard error */
  readonly errorOutput?: Writable
  /**
   * The server is what this process is for: it may be started anew to take its own place, and what a service manager passes
   * to the process is meant for it.
   */
  readonly isProgram: boolean
  /** Takes a line for standard output that is not a worker's. */
  readonly data: (line: string) => void
  /** Told, in one sentence each, what happens besides the events of the manager. */
  readonly note: (message: string) => void
  /** Told, in one sentence each, what an operator should know. */
  readonly warn: (message: string) => void
}

/** How settings are read while a server runs. */
export interface Rereading {
  /** Files they were read from. */
  readonly files: readonly string[]
  readonly read: (signal: AbortSignal) => Promise<ReadSettings>
}

/** What is decided by who starts a server, not by its settings. */
export interface Surroundings extends Pick<
  ServerPlan,
  | 'mode'
  | 'settings'
  | 'cwd'
  | 'inherited'
  | 'color'
  | 'logFormat'
  | 'output'
  | 'errorOutput'
  | 'isProgram'
  | 'data'
  | 'note'
  | 'warn'
> {
  /** Everything in the environment, `.env` files as the runtime has read them included. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** The configuration file that says `user`; absent when something else does. */
  readonly userFrom?: string | undefined
}

/** Throws `ServerError` `APP_NOT_FOUND`, `CONFIG_INVALID`, `FILE_REFUSED`. */
export function planServer({ userFrom, env, ...given }: Surroundings): ServerPlan {
  const { settings, mode, cwd } = given
  const { root, entry = root } = locateApp(settings.app)
  const isForeign = settings.user !== undefined
  const found = locateEntry(entry, isForeign)
  const own = ownEnvironment(env, [root, cwd])
  proveCertificate(settings)
  const tenants = serverTenants(settings, {
    files: [root, found.file],
    configFile: userFrom,
    seed: settings.runDir ?? settings.name ?? root,
  })
  return {
    ...given,
    root,
    entry: found.file,
    entryFoundBy: foundByText(found),
    watch: mode === 'development' || settings.hotfix,
    listen: listenAddress(settings, mode),
    env: own,
    childEnv: childEnvironment(env, { root, cwd, mode, isForeign }),
    envFiles: nodeEnv(own, root, mode, isForeign).files,
    tenants,
    hints: [],
  }
}
