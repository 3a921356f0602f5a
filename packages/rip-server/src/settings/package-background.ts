import { ServerError } from '../errors.ts'
import { type AppPackage, ripFields } from './app-package.ts'
import { backgroundPrograms, type BackgroundSetting, locatedBackground } from './background-programs.ts'
import { Unacceptable } from './quantity.ts'
import type { ResolvedSettings } from './resolve-settings.ts'

const KEY = '"rip.background"'

/**
 * Adds the programs that the `package.json` of the application names, unless a flag or the configuration names some.
 *
 * @throws ServerError `CONFIG_INVALID`
 */
export function withPackageBackground(resolved: ResolvedSettings, appPackage: AppPackage): ResolvedSettings {
  const { settings, origins } = resolved
  if (settings.background.length > 0) return resolved
  const background = packageBackground(appPackage)
  if (background.length === 0) return resolved
  return {
    ...resolved,
    settings: { ...settings, background },
    origins: { ...origins, background: `${KEY} in package.json` },
  }
}

function packageBackground(appPackage: AppPackage): readonly BackgroundSetting[] {
  const { background } = ripFields(appPackage)
  if (background === undefined || (Array.isArray(background) && background.length === 0)) return []
  const text = JSON.stringify(background)
  try {
    return locatedBackground(backgroundPrograms(text), appPackage.folder)
  } catch (error) {
    if (!(error instanceof Unacceptable)) throw error
    const problem = `${appPackage.path}: ${KEY}: expected ${error.message}, got ${text}`
    throw new ServerError('CONFIG_INVALID', { problems: [problem] })
  }
}
