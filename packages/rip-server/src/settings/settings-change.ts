import { isDeepStrictEqual } from 'node:util'
import type { ConfigurationChange } from '@rip/manager'
import { shownSetting } from './shown-setting.ts'
import { fileKey, type SettingName, settingNames, type Settings } from './settings.ts'

/** What the operator has to do to change a setting that cannot change while the server runs. */
const TAKES: Readonly<Partial<Record<SettingName, string>>> = {
  port: 'rip-server restart --manager',
  bind: 'rip-server restart --manager',
  ops: 'rip-server restart --manager',
  hotfix: 'rip-server restart --manager',
  install: 'rip-server restart --manager',
  tlsCert: 'rip-server restart --manager',
  tlsKey: 'rip-server restart --manager',
  logFormat: 'rip-server restart --manager',
  user: 'rip-server stop and start',
  balancerUser: 'rip-server stop and start',
  background: 'rip-server restart --manager',
  app: 'rip-server stop and start',
  command: 'rip-server restart --manager',
  static: 'rip-server restart --manager',
  name: 'rip-server stop and start',
  runDir: 'rip-server stop and start',
}

const fixedNames = settingNames.filter((name) => TAKES[name] !== undefined)

/** The settings in force after others were read: those that take a restart stay as they were at the start. */
export function inForce(started: Settings, read: Settings): Settings {
  const fixed = Object.fromEntries(fixedNames.map((name) => [name, started[name]]))
  const { processes: _, ...balancer } = read.balancer
  const { processes } = started.balancer
  return { ...read, ...fixed, balancer: { ...balancer, ...(processes !== undefined && { processes }) } }
}

/**
 * What changes when settings are read anew. `before` was in force until now, `started` is what the server began with.
 */
export function settingsChange(started: Settings, before: Settings, read: Settings): ConfigurationChange {
  const now = inForce(started, read)
  const applied = changedNames(before, now).map((name) => changeText(name, before, now))
  if (!isDeepStrictEqual(before.balancer, now.balancer)) applied.push('balancer')
  const pending = changedNames(started, read).flatMap((name) => {
    const takes = TAKES[name]
    return takes === undefined ? [] : [`${changeText(name, started, read)} needs ${takes}`]
  })
  const [had, wants] = [started, read].map(({ balancer: { processes = 1 } }) => processes)
  if (had !== wants) pending.push(`balancer.processes: ${had} → ${wants} needs rip-server restart --manager`)
  return { applied, pending }
}

function changedNames(before: Settings, after: Settings): SettingName[] {
  return settingNames.filter((name) => !isDeepStrictEqual(before[name], after[name]))
}

function changeText(name: SettingName, before: Settings, after: Settings): string {
  return `${fileKey(name)}: ${shownSetting(name, before)} → ${shownSetting(name, after)}`
}
