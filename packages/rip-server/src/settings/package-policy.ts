import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readManifest, WorkerError } from '@rip/worker/entry'
import type { ResolvedSettings } from './resolve-settings.ts'

/** Packages that keep what they know of a client in one process, and the policy that leads the client back there. */
const POLICIES = [
  ['socket.io', 'sticky'],
  ['@nestjs/platform-socket.io', 'sticky'],
  ['@modelcontextprotocol/sdk', 'learn'],
] as const

/** How the balancer knows the client again. */
const MEANS = { sticky: 'by a cookie', learn: 'by the field mcp-session-id' } as const

/**
 * Adds the balancer's policy that a package of the application needs, unless the configuration names one.
 *
 * @param isForeign whether the application runs as a user with fewer rights
 */
export function withPackagePolicy(
  resolved: ResolvedSettings,
  isForeign: boolean = resolved.settings.user !== undefined,
): ResolvedSettings {
  const { settings, origins, notes = [] } = resolved
  if (settings.balancer.policy !== undefined) return resolved
  const needed = packagesOf(settings.app, isForeign)
  const [name, policy] = POLICIES.find(([each]) => Object.hasOwn(needed, each)) ?? []
  if (name === undefined || policy === undefined) return resolved
  return {
    settings: { ...settings, balancer: { ...settings.balancer, policy } },
    origins: { ...origins, balancer: `${origins.balancer}, policy for ${name}` },
    notes: [...notes, `${name} keeps clients in one worker: balancer.policy is ${policy}, ${MEANS[policy]}`],
  }
}

/** None of a `package.json` that cannot be read, which is reported where the application is looked for. */
function packagesOf(app: string, staysInFolder: boolean): object {
  const folder = statSync(app, { throwIfNoEntry: false })?.isDirectory() === true ? app : dirname(app)
  const file = join(folder, 'package.json')
  if (!existsSync(file)) return {}
  try {
    const { dependencies } = readManifest(file, { staysInFolder })
    return typeof dependencies === 'object' && dependencies !== null ? dependencies : {}
  } catch (error) {
    if (error instanceof WorkerError) return {}
    throw error
  }
}
