import { isAbsolute, join } from 'node:path'
import { type Environment, type InstanceIdentity, instanceId } from './locate.ts'
import { ownUid } from './owner.ts'

/**
 * Folders in which an instance may keep what has to survive the machine's next start, the preferred one first: in systemd's
 * `$STATE_DIRECTORY`, `$XDG_STATE_HOME/rip-server`, `/var/lib/rip-server` for root, `~/.local/state/rip-server`. None need
 * exist, or be ours.
 */
export function stateFolders(identity: InstanceIdentity, env: Environment = process.env): readonly string[] {
  const places = [
    below(env['STATE_DIRECTORY']?.split(':')[0]),
    below(env['XDG_STATE_HOME'], 'rip-server'),
    ownUid() === 0 ? '/var/lib/rip-server' : undefined,
    below(env['HOME'], '.local/state/rip-server'),
  ]
  return places.filter((path) => path !== undefined).map((path) => join(path, instanceId(identity)))
}

/** A relative path in such a variable is to be ignored (XDG Base Directory Specification). */
function below(folder: string | undefined, name = ''): string | undefined {
  return folder !== undefined && isAbsolute(folder) ? join(folder, name) : undefined
}
