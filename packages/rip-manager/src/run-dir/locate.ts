import { createHash } from 'node:crypto'
import { accessSync, constants, lstatSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { MAX_SOCKET_PATH_BYTES } from '../socket/socket-address.ts'
import type { Account } from '../contract/account.ts'
import { closedFolder } from './enterable.ts'
import { isOfOursOrRoot, ownUid } from './owner.ts'

/** What pam_systemd(8) sets, also as another user keeps it behind sudo. */
const OF_A_SESSION = /^\/run\/user\/\d+\/?$/
/** Where the system keeps what belongs to running programs (file-hierarchy(7)); only root can write there. */
const SYSTEM_RUN = '/run'

/** The properties that distinguish an instance from others of the same user. */
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

/**
 * Where the run directory of an instance is.
 *
 * @param tenants who have to get to their own in it. @default only this user
 */
export function locateRunDir(
  identity: InstanceIdentity,
  env: Environment = process.env,
  tenants: readonly Account[] = [],
): RunDirLocation {
  const base = instancesFolder(env, tenants)
  const entry = join(base, instanceId(identity))
  if (identity.runDir === undefined) return { base, path: entry }
  return { base, path: resolve(identity.runDir), alias: entry }
}

/**
 * The folder new instances go to: the one the environment names, else the first that belongs to no other user. A folder
 * tenants cannot get to, such as the runtime folder of root's session, is not for instances that have some.
 */
function instancesFolder(env: Environment, tenants: readonly Account[]): string {
  const named = below(env['XDG_RUNTIME_DIR'], 'rip-server')
  const all = instancesFolders(env)
  const reachable = all.filter((path) => closedFolder(dirname(path), tenants) === undefined)
  const folders = reachable.length > 0 ? reachable : all
  return folders.find((path) => path === named || !isTaken(path)) ?? folders[0]!
}

/**
 * Every folder instances of this user may be in, the preferred one first: `$XDG_RUNTIME_DIR/rip-server`, systemd's
 * `$RUNTIME_DIRECTORY`, `/run/rip-server` for root, `<tmp>/rip-server-<uid>`, and one at home where no other user can
 * take the name. Paths that leave no room for the name of a socket are passed over. An `XDG_RUNTIME_DIR` other than that
 * of a session was named on purpose, and means this place and no other.
 */
export function instancesFolders(env: Environment = process.env): readonly string[] {
  const owned = `rip-server-${ownUid() ?? 0}`
  const runtime = env['XDG_RUNTIME_DIR']
  const named = below(runtime, 'rip-server')
  if (runtime !== undefined && !OF_A_SESSION.test(runtime) && fits(named)) return [named]
  const candidates = [
    named,
    below(env['RUNTIME_DIRECTORY']?.split(':')[0]),
    ownUid() === 0 && isWritable(SYSTEM_RUN) ? join(SYSTEM_RUN, 'rip-server') : undefined,
    below(env['TMPDIR'], owned),
    below('/tmp', owned),
    below(env['HOME'], '.rip-server'),
  ]
  return [...new Set(candidates.filter(fits))]
}

function fits(path: string | undefined): path is string {
  return path !== undefined && Buffer.byteLength(path) <= MAX_BASE_BYTES
}

function below(folder: string | undefined, name = ''): string | undefined {
  return folder !== undefined && isAbsolute(folder) ? join(folder, name) : undefined
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    // ENOENT: another system. EROFS: a read-only container.
    return false
  }
}

/** Any user can make a folder in the one for temporary files, also under our name. */
function isTaken(path: string): boolean {
  const status = lstatSync(path, { throwIfNoEntry: false })
  return status !== undefined && !isOfOursOrRoot(status.uid)
}

/** Name of the instance among those of the same user, as a folder can have it. */
export function instanceId(identity: InstanceIdentity): string {
  if (identity.runDir !== undefined) {
    const path = resolve(identity.runDir)
    return label(basename(path), `run-dir ${path}`)
  }
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
