import { fileKey, type SettingName, settingNames, settingSpecs, type Settings } from '../config/settings.ts'
import { ExitCode } from '../exit-code.ts'
import { type Invocation, invocationSettings, isOn } from '../invocation.ts'
import { table } from '../terminal/table.ts'

/** Prints the values a start would use; with `--sources` where each comes from. */
export async function config(invocation: Invocation): Promise<number> {
  const { settings, origins, nodeEnv } = await invocationSettings(
    invocation,
    'production',
    invocation.line.words[0],
  )
  const withSources = isOn(invocation, 'sources')
  if (isOn(invocation, 'json')) {
    const values = { ...settings, NODE_ENV: nodeEnv.value }
    const data = withSources
      ? { settings: values, origins: { ...origins, NODE_ENV: nodeEnv.origin } }
      : values
    invocation.terminal.data(JSON.stringify(data, null, 2))
    return ExitCode.done
  }
  const rows = settingNames.map((name) => {
    const row = [fileKey(name), shown(name, settings)]
    return withSources ? [...row, origins[name]] : row
  })
  rows.push(['NODE_ENV', nodeEnv.value, ...(withSources ? [nodeEnv.origin] : [])])
  const balancer = ['balancer', JSON.stringify(settings.balancer), origins.balancer]
  // Most have nothing to say about it.
  if (Object.keys(settings.balancer).length > 0) rows.push(withSources ? balancer : balancer.slice(0, 2))
  for (const line of table(rows)) invocation.terminal.data(line)
  return ExitCode.done
}

function shown(name: SettingName, settings: Settings): string {
  const value = settings[name]
  if (value === undefined) return settingSpecs[name].fallbackText.split(';')[0] ?? ''
  if (Array.isArray(value)) return value.length > 0 ? value.join(', ') : settingSpecs[name].fallbackText
  if (name.endsWith('Share')) return `${Math.round(Number(value) * 1_000) / 10}%`
  if (name.endsWith('Ms')) return `${String(value)} ms`
  return name.endsWith('Bytes') ? `${String(value)} bytes` : String(value)
}
