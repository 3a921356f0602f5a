import { commandText } from './command.ts'
import { type SettingName, settingSpecs, type Settings } from './settings.ts'

/** A value as the operator would write it. */
export function shownSetting(name: SettingName, settings: Settings): string {
  const value = settings[name]
  if (value === undefined) return settingSpecs[name].fallbackText.split(';')[0] ?? ''
  if (name === 'command') return commandText(settings.command ?? '')
  if (typeof value === 'object')
    return value.length > 0
      ? value.map(shownItem).join(', ')
      : (settingSpecs[name].fallbackText.split(';')[0] ?? '')
  if (name.endsWith('Share')) return `${Math.round(Number(value) * 1_000) / 10}%`
  if (name.endsWith('Ms')) return `${String(value)} ms`
  return name.endsWith('Bytes') ? `${String(value)} bytes` : String(value)
}

function shownItem(item: string | { readonly name: string }): string {
  return typeof item === 'string' ? item : item.name
}
