import { isDeepStrictEqual } from 'node:util'
import {
  fileKey,
  type Mode,
  settingNames,
  type Settings,
  shownSetting,
  withoutSecrets,
} from '@rip/server/settings'
import { locateApp } from '@rip/server/sources'
import { ExitCode } from '../exit-code.ts'
import { findInstance } from '../instance/find-instance.ts'
import { type Invocation, invocationSettings, isOn } from '../invocation.ts'
import { table } from '../terminal/table.ts'

/**
 * Prints the settings a start would use, with `--sources` the origin of each, and those of a running server that
 * differ.
 */
export async function config(invocation: Invocation): Promise<number> {
  const {
    settings: read,
    origins,
    nodeEnv,
  } = await invocationSettings(invocation, 'production', invocation.line.words[0])
  const settings = withoutSecrets(read)
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
    const row = [fileKey(name), shownSetting(name, settings)]
    return withSources ? [...row, origins[name]] : row
  })
  rows.push(['NODE_ENV', nodeEnv.value, ...(withSources ? [nodeEnv.origin] : [])])
  const balancer = ['balancer', JSON.stringify(settings.balancer), origins.balancer]
  // Most configurations set no options of the balancer.
  if (Object.keys(settings.balancer).length > 0) rows.push(withSources ? balancer : balancer.slice(0, 2))
  for (const line of table(rows)) invocation.terminal.data(line)
  const differences = await differencesInForce(invocation, settings.app)
  if (differences.length === 0) return ExitCode.done
  invocation.terminal.say(
    `\nthe running server has other values; "rip-server reload" says what it takes to change them:`,
  )
  for (const line of table(differences)) invocation.terminal.say(`  ${line}`)
  return ExitCode.done
}

/** Settings of the running server of this application that differ from those on disk. */
async function differencesInForce(invocation: Invocation, app: string): Promise<readonly string[][]> {
  const values = await valuesInForce(invocation, app)
  if (values === undefined) return []
  const { settings: read } = await invocationSettings(invocation, values.mode, invocation.line.words[0])
  const settings = withoutSecrets(read)
  // They were sent as JSON, where settings without a value are absent.
  const names = settingNames.filter((name) => !isDeepStrictEqual(values[name], settings[name]))
  return names.map((name) => [fileKey(name), shownSetting(name, values)])
}

async function valuesInForce(
  invocation: Invocation,
  app: string,
): Promise<(Settings & { readonly mode: Mode }) | undefined> {
  try {
    const { root } = locateApp(app)
    const { snapshot } = await findInstance(invocation, invocation.line.words[0])
    // Only the server of the same application can be compared.
    return snapshot.root === root
      ? (snapshot.configuration?.values as (Settings & { readonly mode: Mode }) | undefined)
      : undefined
  } catch {
    // No server runs, or it does not answer: there is nothing to compare with.
    return undefined
  }
}
