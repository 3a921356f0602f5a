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
import { nearPath } from '@rip/server/text'
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
    files,
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
  for (const [key, value] of leavesOf('balancer', settings.balancer))
    rows.push([key, JSON.stringify(value), ...(withSources ? [origins.balancer] : [])])
  for (const line of table(rows)) invocation.terminal.data(line)
  if (withSources)
    invocation.terminal.say(
      `\nconfiguration: ${[...new Set(files.map((file) => nearPath(file, invocation.cwd)))].join(', ') || 'no file'}`,
    )
  const differences = await differencesInForce(invocation, settings.app)
  if (differences.length === 0) return ExitCode.done
  invocation.terminal.say(
    `\nthe running server has other values; "rip-server reload" says what it takes to change them:`,
  )
  for (const line of table(differences)) invocation.terminal.say(`  ${line}`)
  return ExitCode.done
}

/** The values within an object by their whole keys; a list is one value. */
function leavesOf(key: string, value: unknown): (readonly [key: string, value: unknown])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[key, value]]
  return Object.entries(value).flatMap(([name, each]) => leavesOf(`${key}.${name}`, each))
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
