import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import type { ConfigFile } from '../settings/config-file.ts'
import type { RipServerConfig } from '../settings/define-config.ts'
import { withPackageSettings } from '../settings/package-settings.ts'
import { resolveSettings } from '../settings/resolve-settings.ts'
import type { Mode, Settings } from '../settings/settings.ts'
import { planServer, type ServerPlan } from './server-plan.ts'

/**
 * Options of a server: all settings of `rip-server.config`, with the same defaults, and where it runs. Neither that
 * file nor variables such as `PORT` are read: what is absent here has its default.
 */
export interface ServerOptions extends RipServerConfig {
  /** `development`: watches files, compiles with error pages, fewer workers. @default 'production' */
  readonly mode?: Mode
  /** Folder relative paths start from. @default the current folder */
  readonly cwd?: string
  /** Environment of the application, beside its `.env` files. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>
  /**
   * Where lines of workers and of the access log go: `inherit` to standard output and standard error of this process,
   * `none` to the log file of the run directory alone. @default 'inherit'
   */
  readonly output?: 'inherit' | 'none' | Writable
  /** Called with one sentence for each thing the operator should know. @default console.warn */
  readonly onWarning?: (message: string) => void
}

/** @throws ServerError `CONFIG_INVALID`, `APP_NOT_FOUND`, `FILE_REFUSED` */
export function planOf(options: ServerOptions): ServerPlan {
  const {
    mode = 'production',
    cwd = process.cwd(),
    env = process.env,
    output = 'inherit',
    onWarning = (message: string) => console.warn(message),
    ...values
  } = options
  const settings = withRunDir(
    withPackageSettings(
      resolveSettings({ mode, cwd, flags: new Map(), env: {}, file: asFile(values, cwd) }),
      mode,
    ).settings,
  )
  const sink = sinkOf(output)
  return planServer({
    mode,
    settings,
    cwd,
    env,
    inherited: undefined,
    color: false,
    logFormat: settings.logFormat ?? 'text',
    ...(sink && { output: sink, errorOutput: sink }),
    isProgram: false,
    data: (line) => void (sink ?? process.stdout).write(`${line}\n`),
    note: () => {},
    warn: onWarning,
  })
}

/** The options as a configuration file, so that they are checked alike and their problems read alike. */
function asFile(values: RipServerConfig, cwd: string): ConfigFile {
  const path = join(cwd, 'options')
  return { path, folder: cwd, values: { ...values }, files: [], positionOf: () => path }
}

/** Gives a server without a name a run directory of its own, so that several servers of one application do not meet. */
function withRunDir(settings: Settings): Settings {
  if (settings.runDir !== undefined || settings.name !== undefined) return settings
  return { ...settings, runDir: join(tmpdir(), `rip-${randomUUID().slice(0, 8)}`) }
}

function sinkOf(output: NonNullable<ServerOptions['output']>): Writable | undefined {
  if (output === 'inherit') return undefined
  if (output !== 'none') return output
  const { Writable: Sink } = process.getBuiltinModule('node:stream')
  return new Sink({ write: (_chunk, _encoding, done) => done() })
}
