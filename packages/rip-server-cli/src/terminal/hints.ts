import { existsSync } from 'node:fs'
import type { ListenAddress } from '@rip/manager'
import type { ServerTenants } from '@rip/server'
import type { Mode } from '@rip/server/settings'
import { isExposed, type NodeEnv, type ResolvedSettings } from '@rip/server/sources'

/** What is different in development and not to be seen, told once. */
export function developmentHints(
  { settings: { workers }, origins }: ResolvedSettings,
  listen: ListenAddress | undefined,
  inContainer: boolean,
): readonly string[] {
  const hints: string[] = []
  if (workers > 1 && origins.workers === 'default')
    hints.push(
      `${workers} workers, each with its own memory: state kept in variables differs per worker; -w 1 for one`,
    )
  if (inContainer && listen !== undefined && !('unix' in listen) && !isExposed(listen))
    hints.push('nobody outside this container reaches it; --bind 0.0.0.0 lets them')
  return hints
}

/**
 * That the application is told something else than the command says, for example by a `.env` file left from elsewhere.
 */
export function nodeEnvHints(
  { value, origin }: Pick<NodeEnv, 'value' | 'origin'>,
  mode: Mode,
): readonly string[] {
  if (value === mode) return []
  return [
    `the application runs with NODE_ENV=${value}, ${origin === 'NODE_ENV' ? 'from the environment' : `from ${origin}`}`,
  ]
}

/**
 * What to do about an application that runs as root; undefined where it does not, or where root is that of a container.
 */
export function rootWarning(
  uid: number | undefined,
  tenants: ServerTenants | undefined,
  inContainer: boolean,
): string | undefined {
  if (uid !== 0 || tenants !== undefined || inContainer) return undefined
  return (
    'the application runs as root: whoever gets into it has the whole machine; ' +
    'give --user NAME, start rip-server as another user, or set User= in the systemd unit'
  )
}

/** Whether this is a container, as far as it says so: Docker, Podman and Kubernetes do. */
export function isInContainer(env: Readonly<Record<string, string | undefined>>): boolean {
  const says = (env['KUBERNETES_SERVICE_HOST'] ?? env['container'] ?? '') !== ''
  return says || existsSync('/.dockerenv') || existsSync('/run/.containerenv')
}
