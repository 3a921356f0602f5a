import { existsSync } from 'node:fs'
import type { ListenAddress } from '@rip/manager'
import type { ServerTenants } from '@rip/server'
import type { Mode } from '@rip/server/settings'
import { asksForDebugger, isExposed, type NodeEnv, type ResolvedSettings } from '@rip/server/sources'

/** Hints about differences of development that are easily overlooked. */
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
  if (
    inContainer &&
    origins.bind === 'default' &&
    listen !== undefined &&
    !('unix' in listen) &&
    !isExposed(listen)
  )
    hints.push('it cannot be reached from outside this container; --host changes that')
  return hints
}

/** Hints when `NODE_ENV` does not fit the command, for example because of a forgotten `.env` file. */
export function nodeEnvHints(
  { value, origin }: Pick<NodeEnv, 'value' | 'origin'>,
  mode: Mode,
): readonly string[] {
  if (value === mode) return []
  return [
    `the application runs with NODE_ENV=${value}, ${origin === 'NODE_ENV' ? 'from the environment' : `from ${origin}`}`,
  ]
}

/** A hint to a developer who waits for a debugger: several processes cannot share its address. */
export function debuggerHints(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  if (!asksForDebugger(env)) return []
  return ['no debugger can be attached to the workers of a server; to one alone: rip-server worker']
}

/** The warning about an application that runs as root; undefined for other users, and for the root of a container. */
export function rootWarning(
  uid: number | undefined,
  tenants: ServerTenants | undefined,
  inContainer: boolean,
): string | undefined {
  if (uid !== 0 || tenants !== undefined || inContainer) return undefined
  return (
    'the application runs as root: an attacker who gets into it has the whole machine; ' +
    'give --user NAME, start rip-server as another user, or set User= in the systemd unit'
  )
}

/** Whether this is a container that can be recognised: Docker, Podman and Kubernetes. */
export function isInContainer(env: Readonly<Record<string, string | undefined>>): boolean {
  const says = (env['KUBERNETES_SERVICE_HOST'] ?? env['container'] ?? '') !== ''
  return says || existsSync('/.dockerenv') || existsSync('/run/.containerenv')
}
