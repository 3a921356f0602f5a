import type { Tenants } from '@rip/manager'
import { tenantEnvironment } from '../tenants/tenant-environment.ts'
import type { ServerTenants } from '../tenants/tenants.ts'
import type { ServerPlan } from './server-plan.ts'

/**
 * User and group numbers: of the workers, and of the process that connects to their sockets, which is the balancer, or
 * the proxy named instead.
 */
export function ownersOf({ workers, router }: ServerTenants, { listen, settings }: ServerPlan): Tenants {
  const { uid, gid } = workers
  const routes = listen !== undefined || settings.balancerUser !== undefined
  return { workers: { uid, gid }, router: routes ? router : { uid: 0, gid: 0 } }
}

/** The environment of builders and workers, read anew for each generation. */
export function applicationEnv({ childEnv, tenants }: ServerPlan): Readonly<Record<string, string>> {
  const env = childEnv()
  return tenants === undefined ? env : { ...tenantEnvironment(env, tenants.workers), RIP_APART: '1' }
}
