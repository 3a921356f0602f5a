import { type AppPackage, packagesOf } from './app-package.ts'
import type { ResolvedSettings } from './resolve-settings.ts'

/** Packages that keep what they know of a client in one process, and the policy that leads the client back there. */
const POLICIES = [
  ['socket.io', 'sticky'],
  ['@nestjs/platform-socket.io', 'sticky'],
  ['@modelcontextprotocol/sdk', 'learn'],
] as const

/** How the balancer knows the client again. */
const MEANS = { sticky: 'by a cookie', learn: 'by the field mcp-session-id' } as const

/** Adds the balancer's policy that a package of the application needs, unless the configuration names one. */
export function withPackagePolicy(resolved: ResolvedSettings, appPackage: AppPackage): ResolvedSettings {
  const { settings, origins, notes = [] } = resolved
  if (settings.balancer.policy !== undefined) return resolved
  const needed = packagesOf(appPackage)
  const [name, policy] = POLICIES.find(([each]) => Object.hasOwn(needed, each)) ?? []
  if (name === undefined || policy === undefined) return resolved
  return {
    settings: { ...settings, balancer: { ...settings.balancer, policy } },
    origins: { ...origins, balancer: `${origins.balancer}, policy for ${name}` },
    notes: [...notes, `${name} keeps clients in one worker: balancer.policy is ${policy}, ${MEANS[policy]}`],
  }
}
