import { findEntry, WorkerError } from '@rip/worker/entry'
import { ServerError } from '../errors.ts'
import { type AppPackage, ripFields } from './app-package.ts'
import { type Command, parseCommand } from './command.ts'
import { Unacceptable, unacceptableText } from './quantity.ts'
import type { ResolvedSettings } from './resolve-settings.ts'
import type { Mode, Settings } from './settings.ts'

const KEY = '"rip.command"'
/** Tools that reload by themselves: a second one would compile everything a second time. */
const DEV_WORKERS = 1
/** They may compile the whole application before they listen. */
const DEV_BOOT_TIMEOUT_MS = 120_000

export interface PackageCommandOptions {
  readonly mode: Mode
  /** Whether the application runs as a user with fewer rights. */
  readonly isForeign: boolean
}

/**
 * Adds the start command that `package.json` of the application names, or that the build of a framework is run by, unless
 * a flag or the configuration does, and the defaults that differ with a command.
 *
 * @param resolved settings with the programs of the background
 * @throws ServerError `CONFIG_INVALID`
 */
export function withPackageCommand(
  resolved: ResolvedSettings,
  appPackage: AppPackage,
  options: PackageCommandOptions,
): ResolvedSettings {
  const { settings, origins } = resolved
  const found =
    settings.command === undefined
      ? (packageCommand(settings.app, appPackage) ?? foundCommand(settings, options))
      : { command: settings.command, origin: origins.command }
  if (found === undefined) return resolved
  const { command, origin } = found
  const isDefault = (name: 'workers' | 'bootTimeoutMs'): boolean =>
    options.mode === 'development' && origins[name] === 'default'
  return {
    ...resolved,
    settings: {
      ...settings,
      command,
      ...(isDefault('workers') && { workers: DEV_WORKERS }),
      ...(isDefault('bootTimeoutMs') && { bootTimeoutMs: DEV_BOOT_TIMEOUT_MS }),
    },
    origins: { ...origins, command: origin },
  }
}

interface OriginalCommand {
  readonly command: Command
  readonly origin: string
}

/**
 * What the build of a framework, or its development server, is run by, or `scripts.start` runs, unless that is a program
 * of the background. A problem is reported where files are looked for.
 */
function foundCommand(
  { app, background }: Pick<Settings, 'app' | 'background'>,
  { mode, isForeign }: PackageCommandOptions,
): OriginalCommand | undefined {
  try {
    const found = findEntry(app, { isForeign, isDevelopment: mode === 'development' })
    const { command, because = '', runs } = found
    if (command === undefined) return undefined
    return background.some((each) => 'file' in each && each.file === runs)
      ? undefined
      : { command, origin: because }
  } catch (error) {
    if (error instanceof WorkerError) return undefined
    throw error
  }
}

/** None for an application that was given as a file. */
function packageCommand(app: string, appPackage: AppPackage): OriginalCommand | undefined {
  const { folder, path } = appPackage
  if (folder !== app) return undefined
  const { command, entry } = ripFields(appPackage)
  if (command === undefined || command === null) return undefined
  if (entry !== undefined) throw invalid(`${path}: "rip.entry" and ${KEY} are two ways to start it; keep one`)
  const text = typeof command === 'string' ? command : JSON.stringify(command)
  try {
    return { command: parseCommand(text), origin: `${KEY} in package.json` }
  } catch (error) {
    if (!(error instanceof Unacceptable)) throw error
    throw invalid(`${path}: ${KEY}: ${unacceptableText(error, text)}`)
  }
}

function invalid(problem: string): ServerError {
  return new ServerError('CONFIG_INVALID', { problems: [problem] })
}
