import type { Writable } from 'node:stream'
import type { ListenAddress } from '@rip/manager'
import type { Entry, FindEntryOptions, StaticFolder } from '@rip/worker/entry'
import { childEnvironment } from '../application/child-environment.ts'
import { filesOf, locateWebEntry, proveBackground } from '../application/background-location.ts'
import { foundByText } from '../application/entry-location.ts'
import { ServerError } from '../errors.ts'
import { proveCertificate } from '../front/certificate.ts'
import { listenAddress, opsListenAddress, overlap } from '../front/listen-address.ts'
import type { Inheritance } from '../instance/succession.ts'
import { locateApp } from '../settings/app-location.ts'
import type { BackgroundSetting } from '../settings/background-programs.ts'
import type { FileMode } from '../settings/env-files.ts'
import type { LogFormat } from '../output/log-record.ts'
import { nodeEnv } from '../settings/node-env.ts'
import type { Command } from '../settings/command.ts'
import { ownEnvironment } from '../settings/own-environment.ts'
import type { Mode, Settings } from '../settings/settings.ts'
import { proveStatic, staticFolders } from '../settings/static-folders.ts'
import { serverTenants, type ServerTenants } from '../tenants/tenants.ts'
import type { ReadSettings } from './live-configuration.ts'

/** Everything a server is made from, decided before anything is started. */
export interface ServerPlan {
  readonly mode: Mode
  readonly settings: Settings
  /** How to read them again; absent when they never change. */
  readonly rereading?: Rereading
  /** Folder of the application; a symbolic link stays symbolic. */
  readonly root: string
  /** File of the application; absent when it answers no requests, and only works in the background. */
  readonly entry: string | undefined
  /** The start command of an application that is run by one, and not loaded; the entry is then its folder. */
  readonly command: Command | undefined
  /** Folders whose files workers answer before the application. */
  readonly static: readonly StaticFolder[]
  /**
   * What of the folder is content although it is ignored, relative to it; absent when that is to be seen from the entry.
   */
  readonly content: readonly string[] | undefined
  /** How entry or command was found, if the operator did not name it. */
  readonly entryFoundBy: string | undefined
  readonly watch: boolean
  /** Nothing of it becomes active, or begins in the background: it is only proven. @default false */
  readonly standsBy?: boolean
  /** Where the balancer listens; absent without a balancer, when only the sockets of the workers are there. */
  readonly listen: ListenAddress | undefined
  /** Where probes and scrapers ask; absent where they are not to. */
  readonly ops: ListenAddress | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** The environment of builders and workers, read anew for each generation. */
  readonly childEnv: () => Readonly<Record<string, string>>
  /** The mode whose `.env` files are read. */
  readonly envFiles: FileMode
  /** The other users that parts of it run as; absent when all of it runs as the user of this process. */
  readonly tenants: ServerTenants | undefined
  /** Folder it was started in. */
  readonly cwd: string
  /** Printed once it serves, a sentence each. */
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
   * Whether the server is the program of this process: then the program may be started anew as its own successor, and
   * sockets that a service manager passes to the process are meant for the server.
   */
  readonly isProgram: boolean
  /** Takes a line for standard output that is not a worker's. */
  readonly data: (line: string) => void
  /** Called with one sentence for each thing that happens besides the events of the manager. */
  readonly note: (message: string) => void
  /** Called with one sentence for each thing the operator should know. */
  readonly warn: (message: string) => void
}

/** How settings are read while a server runs. */
export interface Rereading {
  /** Files they were read from. */
  readonly files: readonly string[]
  readonly read: (signal: AbortSignal) => Promise<ReadSettings>
}

/** The part of a plan that depends on the caller, not on the settings. */
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
  /** The whole environment, including what the runtime has read from `.env` files. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** The configuration file that sets `user`; absent when it is set elsewhere. */
  readonly userFrom?: string | undefined
  /** How the command was found, if no flag and no file gives it. */
  readonly commandFoundBy?: string | undefined
}

/** @throws ServerError `APP_NOT_FOUND`, `CONFIG_INVALID`, `FILE_REFUSED` */
export function planServer({ userFrom, commandFoundBy, env, ...given }: Surroundings): ServerPlan {
  const { settings, mode, cwd } = given
  const { command, background } = settings
  const { root, entry } = locateApp(settings.app)
  if (command !== undefined && entry !== undefined) throw twoWays(entry)
  const isForeign = settings.user !== undefined
  proveBackground(background)
  const found = foundFor(
    command,
    entry ?? root,
    { isForeign, isDevelopment: mode === 'development' },
    background,
  )
  proveStatic(settings.static)
  if (command !== undefined && settings.static.length > 0) throw noFiles()
  const listen = found && listenAddress(settings, mode)
  const ops = opsListenAddress(settings)
  if (listen !== undefined && ops !== undefined && overlap(listen, ops)) throw notApart(settings.ops)
  const own = ownEnvironment(env, [root, cwd])
  proveCertificate(settings)
  const tenants = serverTenants(settings, {
    files: [root, ...(found === undefined ? [] : [found.file]), ...filesOf(background)],
    configFile: userFrom,
    seed: settings.runDir ?? settings.name ?? root,
  })
  return {
    ...given,
    root,
    entry: found?.file,
    command,
    entryFoundBy: command === undefined ? found && foundByText(found) : commandFoundBy,
    static: [...staticFolders(settings.static), ...(found?.static ?? [])],
    content: found?.content,
    // The tools of a command watch files themselves.
    watch: settings.hotfix || (mode === 'development' && command === undefined),
    listen,
    ops,
    env: own,
    childEnv: childEnvironment(env, { root, cwd, mode, isForeign, isColored: showsColors(given) }),
    envFiles: nodeEnv(own, root, mode, isForeign).files,
    tenants,
    hints: [],
  }
}

/** In production, colours would be in the way of an operator who reads the log later. */
function showsColors({ mode, color, logFormat }: Pick<ServerPlan, 'mode' | 'color' | 'logFormat'>): boolean {
  return mode === 'development' && color && logFormat !== 'json'
}

function foundFor(
  command: Command | undefined,
  target: string,
  options: FindEntryOptions,
  background: readonly BackgroundSetting[],
): Entry | undefined {
  if (command !== undefined) return { file: target, foundBy: 'given' }
  return locateWebEntry(target, background, options)
}

function noFiles(): ServerError {
  const problem = 'static: files are answered by workers that load the application, not beside a command'
  return new ServerError('CONFIG_INVALID', { problems: [problem] })
}

function notApart(ops: string | undefined): ServerError {
  const problem = `ops: ${ops} is the address of the application: give it another port`
  return new ServerError('CONFIG_INVALID', { problems: [problem] })
}

function twoWays(entry: string): ServerError {
  const problem = `the application is given as the file ${entry} and as a command: name its folder instead of the file`
  return new ServerError('CONFIG_INVALID', { problems: [problem] })
}
