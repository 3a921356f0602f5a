import { readAppPackage } from './app-package.ts'
import { withPackageBackground } from './package-background.ts'
import { withPackageCommand } from './package-command.ts'
import { withPackagePolicy } from './package-policy.ts'
import type { ResolvedSettings } from './resolve-settings.ts'
import type { Mode } from './settings.ts'

/**
 * Adds what the `package.json` of the application says, which is read once for all of it, and what follows from its
 * files, unless a flag or the configuration says otherwise.
 *
 * @throws ServerError `CONFIG_INVALID`
 */
export function withPackageSettings(resolved: ResolvedSettings, mode: Mode): ResolvedSettings {
  const { app, user } = resolved.settings
  // A user with fewer rights must not choose by a link which files are read.
  const isForeign = user !== undefined
  const appPackage = readAppPackage(app, isForeign)
  const known = withPackageBackground(resolved, appPackage)
  return withPackagePolicy(withPackageCommand(known, appPackage, { mode, isForeign }), appPackage)
}
