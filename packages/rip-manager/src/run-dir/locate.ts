import { createHash } from 'node:crypto'
import { basename, isAbsolute, join, resolve } from 'node:path'
import { MAX_SOCKET_PATH_BYTES } from '../libc/socket-address.ts'

/** How an instance is told from the others of the same user. */
export interface InstanceIdentity {
  /** Folder of the application; a symbolic link stays symbolic, so that releases behind it are one instance. */
  readonly root: string
  /** Takes the place of the root in the identity. */
  readonly name?: string
  /** Takes the place of the whole default path. */
  readonly runDir?: string
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Room for the longest name of a socket in a run directory, with its slash. */
export const SOCKET_NAME_BYTES = 32

const MAX_NAME_CHARS = 20
/** A base must leave room for an identifier and a socket. */
const MAX_BASE_BYTES = MAX_SOCKET_PATH_BYTES - SOCKET_NAME_BYTES - MAX_NAME_CHARS - 10

export interface RunDirLocation {
  /** The user's folder of all instances. */
  readonly base: string
  /** The run directory itself. */
  readonly path: string
  /** Entry of the base that leads to a run directory elsewhere. */
  readonly alias?: string
}

/** Where the run directory of an instance is; every command computes the same path. */
export function locateRunDir(identity: InstanceIdentity, env: Environment = process.env): RunDirLocation {
  const base = instancesFolder(env)
  if (identity.runDir === undefined) return { base, path: join(base, instanceId(identity)) }
  const path = resolve(identity.runDir)
  return { base, path, alias: join(base, label(basename(path), `run-dir ${path}`)) }
}

/** `$XDG_RUNTIME_DIR/rip-server`, else `<tmp>/rip-server-<uid>`; a base that is too long for sockets is passed over. */
function instancesFolder(env: Environment): string {
  const owned = `rip-server-${process.getuid?.() ?? 0}`
  const candidates: string[] = []
  for (const [folder, name] of [
    [env['XDG_RUNTIME_DIR'], 'rip-server'],
    [env['TMPDIR'], owned],
  ] as const) {
    if (folder !== undefined && isAbsolute(folder)) candidates.push(join(folder, name))
  }
  return candidates.find((path) => Buffer.byteLength(path) <= MAX_BASE_BYTES) ?? `/tmp/${owned}`
}

function instanceId(identity: InstanceIdentity): string {
  if (identity.name === undefined) {
    const root = resolve(identity.root)
    return label(basename(root), `root ${root}`)
  }
  const plain = sanitize(identity.name)
  return plain === identity.name ? plain : label(plain, `name ${identity.name}`)
}

/** A readable part, and a hash so that nothing else has the same label. */
function label(readable: string, identity: string): string {
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, 8)
  return `${sanitize(readable)}-${hash}`
}

function sanitize(text: string): string {
  return (
    text
      .replaceAll(/[^\w.-]/g, '-')
      .replace(/^\.+/, '')
      .slice(0, MAX_NAME_CHARS) || 'app'
  )
}
