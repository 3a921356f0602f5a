import { relative, resolve } from 'node:path'
import { didYouMean } from '@rip/balancer/text'
import type { GivenFlag } from './given-flag.ts'
import { locatedBackground } from './background-programs.ts'
import { Unacceptable, unacceptableText } from './quantity.ts'
import { balancerProblems, type BalancerSettings, locatedBalancer } from './balancer-settings.ts'
import { ServerError } from '../errors.ts'
import type { ConfigFile } from './config-file.ts'
import type { FileVariable } from './own-environment.ts'
import { locatedStatic } from './static-folders.ts'
import {
  fileKey,
  type Mode,
  type SettingName,
  settingNames,
  type Settings,
  settingSpecs,
} from './settings.ts'

export interface SettingSources {
  readonly mode: Mode
  /** Folder relative paths of flags start from. */
  readonly cwd: string
  readonly flags: ReadonlyMap<string, GivenFlag>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Variables of `.env` files; the environment wins. @default none */
  readonly envFiles?: ReadonlyMap<string, FileVariable>
  readonly file: ConfigFile | undefined
}

export interface ResolvedSettings {
  readonly settings: Settings
  /** Where each value comes from, such as `--port 8080`, `PORT`, `rip-server.config.ts:3:5` or `default`. */
  readonly origins: Readonly<Record<keyof Settings, string>>
  /** What was decided for the operator, a sentence each. @default none */
  readonly notes?: readonly string[]
}

/** Key of the balancer's options, which only the file can set. */
const BALANCER_KEY = 'balancer'

/** Said of `env`, which is an option of `createServer` alone. */
const ENV_BELONGS = '; variables of the application belong in the environment or in .env files'
/** Settings that are paths: relative ones start from where they were written. */
const PATHS: ReadonlySet<SettingName> = new Set(['app', 'runDir', 'tlsCert', 'tlsKey'])

/**
 * Merges flags > environment > file > defaults.
 *
 * @throws ServerError `FLAGS_INVALID` when only flags are wrong, `CONFIG_INVALID` otherwise, with every problem at once
 */
export function resolveSettings(sources: SettingSources): ResolvedSettings {
  const wrongFlags: string[] = []
  const wrongElsewhere: string[] = unknownKeys(sources)
  const settings: Partial<Record<SettingName, unknown>> = {}
  const origins: Partial<Record<keyof Settings, string>> = { balancer: balancerOrigin(sources) }
  for (const name of settingNames) {
    const given = givenValue(name, sources)
    origins[name] = given?.origin ?? 'default'
    try {
      settings[name] = given === undefined ? fallback(name, sources) : parse(name, given)
    } catch (error) {
      if (!(error instanceof Unacceptable)) throw error
      const problem = `${given?.where}: ${unacceptableText(error, given?.text ?? '')}`
      ;(given?.isFlag === true ? wrongFlags : wrongElsewhere).push(problem)
    }
  }
  wrongElsewhere.push(...balancerFaults(sources))
  wrongFlags.push(...secondPort(sources, settings as Partial<Settings>))
  const half = halfOfTls(settings as Partial<Settings>)
  if (half !== undefined)
    (sources.flags.has('tls-cert') || sources.flags.has('tls-key') ? wrongFlags : wrongElsewhere).push(half)
  if (wrongElsewhere.length > 0) {
    throw new ServerError('CONFIG_INVALID', { problems: [...wrongFlags, ...wrongElsewhere] })
  }
  if (wrongFlags.length > 0) throw new ServerError('FLAGS_INVALID', { problems: wrongFlags })
  // Both records are complete: the loop visits every name.
  return {
    settings: { ...settings, balancer: givenBalancer(sources) } as unknown as Settings,
    origins: origins as Record<keyof Settings, string>,
  }
}

interface Given {
  readonly text: string
  readonly origin: string
  /** The place of the value, for messages. */
  readonly where: string
  readonly folder: string
  readonly isFlag: boolean
}

function givenValue(
  name: SettingName,
  { flags, env, envFiles, file, cwd }: SettingSources,
): Given | undefined {
  const { flag, env: variable } = settingSpecs[name]
  const fromFlag = flags.get(flag)
  if (fromFlag !== undefined) {
    const text = settingSpecs[name].negative === true ? 'false' : fromFlag.value
    return { text, origin: fromFlag.written, where: `--${flag}`, folder: cwd, isFlag: true }
  }
  // Files that `docker run --env-file` reads may have the line ends of Windows.
  const fromEnv = variable === undefined ? undefined : env[variable]?.trim()
  if (variable !== undefined && fromEnv !== undefined && fromEnv !== '') {
    return { text: fromEnv, origin: variable, where: `environment ${variable}`, folder: cwd, isFlag: false }
  }
  const fromEnvFile = variable === undefined ? undefined : envFiles?.get(variable)
  if (variable !== undefined && fromEnvFile !== undefined && fromEnvFile.value !== '') {
    const where = `${variable} in ${fromEnvFile.file}`
    return { text: fromEnvFile.value, origin: where, where, folder: cwd, isFlag: false }
  }
  const key = fileKey(name)
  const fromFile = file?.values[key]
  if (file === undefined || fromFile === undefined || fromFile === null) return undefined
  // An empty list means the same as no list.
  if (settingSpecs[name].repeatable === true && isEmptyList(fromFile)) return undefined
  const position = file.positionOf(key)
  const shown = relative(cwd, position) || position
  return {
    text: textOf(name, fromFile),
    origin: shown,
    where: `${shown}: ${key}`,
    folder: file.folder,
    isFlag: false,
  }
}

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0

/** A value of the file as the text that a flag would have. */
function textOf(name: SettingName, value: unknown): string {
  const isTexts = Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string')
  if (settingSpecs[name].repeatable === true && isTexts) return value.join(',')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function parse(name: SettingName, given: Given): unknown {
  if (name === 'background') return locatedBackground(settingSpecs.background.parse(given.text), given.folder)
  const value = settingSpecs[name].parse(given.text)
  if (name === 'static') return locatedStatic(value as readonly string[], given.folder)
  return PATHS.has(name) ? resolve(given.folder, String(value)) : value
}

function fallback(name: SettingName, { mode, cwd, file }: SettingSources): unknown {
  if (name === 'app') return file?.folder ?? cwd
  return settingSpecs[name].fallback(mode)
}

/** Problem of a second port: both flags name one, or the address has none. */
function secondPort({ flags }: SettingSources, { bind }: Partial<Settings>): string[] {
  const [port, address] = [flags.get('port'), flags.get('bind')]
  if (port === undefined || address === undefined || bind === undefined) return []
  if (bind.startsWith('unix:')) return [`${port.written}: a Unix socket has no port; keep one of both`]
  const own = /^(?:\[[^\]]*\]|[^:]*):(\d+)$/.exec(bind)?.[1]
  if (own === undefined || Number(own) === Number(port.value)) return []
  return [`${address.written} and ${port.written} name two ports; keep one`]
}

/** Problem of a certificate without its key, or a key without its certificate. */
function halfOfTls({ tlsCert, tlsKey }: Partial<Settings>): string | undefined {
  if (tlsCert !== undefined && tlsKey === undefined) return '--tls-cert: needs --tls-key with it'
  return tlsCert === undefined && tlsKey !== undefined ? '--tls-key: needs --tls-cert with it' : undefined
}

function balancerOrigin({ file, cwd }: SettingSources): string {
  if (file?.values[BALANCER_KEY] === undefined) return 'default'
  return relative(cwd, file.positionOf(BALANCER_KEY)) || file.path
}

function balancerFaults(sources: SettingSources): string[] {
  const given = sources.file?.values[BALANCER_KEY]
  if (given === undefined) return []
  return balancerProblems(given).map((problem) => `${balancerOrigin(sources)}: ${BALANCER_KEY}.${problem}`)
}

/** Valid, because its problems were checked before. */
function givenBalancer({ file }: SettingSources): BalancerSettings {
  const given = file?.values[BALANCER_KEY] as BalancerSettings | undefined
  return file === undefined || given === undefined ? {} : locatedBalancer(given, file.folder)
}

function unknownKeys({ file, cwd }: SettingSources): string[] {
  if (file === undefined) return []
  const known = [...settingNames.map(fileKey), BALANCER_KEY]
  const unknown = Object.keys(file.values).filter((key) => !known.includes(key))
  return unknown.map((key) => {
    const position = relative(cwd, file.positionOf(key)) || file.path
    return `${position}: unknown key ${key}${key === 'env' ? ENV_BELONGS : didYouMean(key, known)}`
  })
}
