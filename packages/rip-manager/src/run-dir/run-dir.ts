import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readlinkSync, rmdirSync, rmSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ManagerError } from '../errors.ts'
import { assertSocketPathFits, MAX_SOCKET_PATH_BYTES } from '../libc/socket-address.ts'
import { isListening } from '../verify/probe.ts'
import { type Instance, writeInstance } from './instance.ts'
import {
  type Environment,
  type InstanceIdentity,
  locateRunDir,
  type RunDirLocation,
  SOCKET_NAME_BYTES,
} from './locate.ts'
import { isLock, type Lock, takeLock } from './lock.ts'
import { ensurePrivateFolder } from './private-folder.ts'

/** The private folder of one running instance: its lock, its sockets, its state. */
export interface RunDir extends AsyncDisposable {
  readonly path: string
  /** Where operators' commands arrive. */
  readonly controlPath: string
  /** Where workers report. */
  readonly linksPath: string
  /** Where the balancer takes orders. */
  readonly adminPath: string
  /** A fresh name nobody can guess, for one incarnation of a worker; never given twice. */
  socketPath(slot: number, incarnation: number): string
  /** Whether a socket is where it was made; makes the folder again if somebody removed it. */
  hasSocket(path: string): boolean
  /** Publishes what `status` and `ps` of other processes find. */
  publish(state: PublishedState): void
  /**
   * Lets another process of the same instance have the folder: the lock is free, and nothing is removed or made
   * again from here on.
   */
  handOver(): void
  /** Ends `handOver` when nobody came. @throws ManagerError `ALREADY_RUNNING` */
  takeBack(): void
  /** Opens the names somebody before had, such as `admin.sock`, once he has gone. */
  inheritNames(): void
  /** Removes everything it created. Idempotent. */
  close(): Promise<void>
}

export interface RunDirOptions extends InstanceIdentity {
  /** @default process.env */
  readonly env?: Environment
  /** Another process of the same instance is still there: its sockets keep their names. @default false */
  readonly succeeds?: boolean
}

/**
 * Creates or takes over the run directory of an instance and holds its lock for life. Sockets a killed
 * predecessor left behind are removed if nobody listens on them any more.
 *
 * @throws ManagerError `ALREADY_RUNNING`, `RUN_DIR_UNSAFE`, `RUN_DIR_UNUSABLE` or `SOCKET_PATH_TOO_LONG`.
 */
export async function openRunDir(options: RunDirOptions): Promise<RunDir> {
  const location = locateRunDir(options, options.env)
  try {
    ensurePrivateFolder(location.base)
    if (location.alias !== undefined && options.succeeds !== true) assertEmptyOrOurs(location.path)
    return await takeOver(location, options.succeeds ?? false)
  } catch (error) {
    throw asUnusable(location.path, error)
  }
}

async function takeOver(location: RunDirLocation, succeeds: boolean): Promise<RunDir> {
  const lock = acquire(location.path)
  try {
    const sockets = linkAlias(location)
    await removeDeadSockets(location.path, sockets)
    return new OwnedRunDir(location, sockets, lock, succeeds)
  } catch (error) {
    lock.release()
    throw error
  }
}

/** A folder somebody chose that holds other things is not for us: names of ours in it would be taken over, and removed. */
function assertEmptyOrOurs(path: string): void {
  const names = entries(path)
  if (names.length === 0 || names.includes('lock')) return
  const reason = `it is not empty (${names[0]}), and no instance made it`
  throw new ManagerError('RUN_DIR_UNSAFE', { path, reason })
}

/** What the system says (ENOSPC, EACCES, EROFS), with the folder it is about. */
function asUnusable(path: string, error: unknown): ManagerError {
  if (error instanceof ManagerError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new ManagerError('RUN_DIR_UNUSABLE', { path, reason }, { cause: error })
}

type PublishedState = Omit<Instance, 'runDir' | 'control' | 'pid'>

class OwnedRunDir implements RunDir {
  readonly path: string
  readonly controlPath: string
  readonly linksPath: string
  readonly adminPath: string
  readonly #location: RunDirLocation
  readonly #sockets: string
  readonly #succeeds: boolean
  readonly #timer: ReturnType<typeof setInterval>
  #lock: Lock
  #handedOver = false
  #state: PublishedState | undefined
  #closing: Promise<void> | undefined

  constructor(location: RunDirLocation, sockets: string, lock: Lock, succeeds: boolean) {
    const suffix = succeeds ? `-${process.pid}` : ''
    this.path = location.path
    this.controlPath = join(sockets, `control${suffix}.sock`)
    this.linksPath = join(sockets, `links${suffix}.sock`)
    this.adminPath = join(sockets, `admin${suffix}.sock`)
    this.#location = location
    this.#sockets = sockets
    this.#succeeds = succeeds
    this.#lock = lock
    this.#timer = setInterval(() => this.#restore(), RESTORE_MS)
    this.#timer.unref()
  }

  socketPath(slot: number, incarnation: number): string {
    this.#restore()
    return join(this.#sockets, `w${slot}.${incarnation}-${randomBytes(6).toString('base64url')}.sock`)
  }

  hasSocket(path: string): boolean {
    if (existsSync(path)) return true
    this.#restore()
    return false
  }

  publish(state: PublishedState): void {
    this.#state = state
    try {
      writeInstance(this.path, { ...state, pid: process.pid, runDir: this.path, control: this.controlPath })
    } catch (error) {
      throw asUnusable(this.path, error)
    }
  }

  handOver(): void {
    this.#handedOver = true
    this.#lock.release()
  }

  takeBack(): void {
    this.#lock = acquire(this.path)
    this.#handedOver = false
    // Whoever was to succeed may have taken it away.
    linkAlias(this.#location)
    if (this.#state !== undefined) this.publish(this.#state)
  }

  inheritNames(): void {
    for (const [name, path] of [
      ['control.sock', this.controlPath],
      ['admin.sock', this.adminPath],
    ] as const) {
      if (basename(path) === name) continue
      rmSync(join(this.path, name), { force: true })
      symlinkSync(basename(path), join(this.path, name))
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * Makes the folder again after somebody removed it, as systemd does with the runtime folder of a user who
   * logs out: without it no dead worker could be replaced.
   */
  #restore(): void {
    if (this.#closing !== undefined || this.#handedOver || this.#lock.isInPlace()) return
    try {
      ensurePrivateFolder(this.#location.base)
      const lock = acquire(this.path)
      this.#lock.release()
      this.#lock = lock
      linkAlias(this.#location)
      if (this.#state !== undefined) this.publish(this.#state)
    } catch {
      // ALREADY_RUNNING: a successor has taken the place. EACCES: it may be possible later.
    }
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#handedOver) return
    const { path, alias } = this.#location
    // What is there without our lock is not ours any more.
    if (!this.#lock.isInPlace()) return this.#lock.release()
    // Not published means that whoever was to be succeeded is still there, and his sockets with him.
    if (this.#succeeds && this.#state === undefined) {
      await removeDeadSockets(path, this.#sockets)
      return this.#lock.release()
    }
    for (const name of ownEntries(path)) rmSync(join(path, name), { force: true })
    if (alias !== undefined && linkTarget(alias) === path) rmSync(alias, { force: true })
    this.#lock.release()
    removeIfEmpty(path)
  }
}

/** A predecessor that closes removes its empty folder, so that it may vanish between our making and our locking it. */
function acquire(path: string): Lock {
  for (let attempt = 1; ; attempt += 1) {
    try {
      ensurePrivateFolder(path)
      const result = takeLock(join(path, 'lock'))
      if (isLock(result)) return result
      throw new ManagerError('ALREADY_RUNNING', { runDir: path, pid: result.holder })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === MAX_ATTEMPTS) throw error
    }
  }
}

const MAX_ATTEMPTS = 10
/** How often a removed folder is noticed when nobody needs it. */
const RESTORE_MS = 2_000

/**
 * Folder the sockets are addressed through. A run directory elsewhere gets an entry in the user's folder of
 * instances: `ps` finds it there, and it stands in where its own path is too long for a socket.
 */
function linkAlias({ path, alias }: RunDirLocation): string {
  if (alias !== undefined) {
    rmSync(alias, { force: true })
    symlinkSync(path, alias)
  }
  if (Buffer.byteLength(path) + SOCKET_NAME_BYTES <= MAX_SOCKET_PATH_BYTES) return path
  assertSocketPathFits(`${alias ?? path}/${'x'.repeat(SOCKET_NAME_BYTES - 1)}`)
  return alias ?? path
}

async function removeDeadSockets(path: string, addressedThrough: string): Promise<void> {
  const sockets = ownEntries(path).filter((name) => /\.sock(?:\.left)?$/.test(name))
  for (const name of sockets) {
    if (!(await isListening(join(addressedThrough, name)))) rmSync(join(path, name), { force: true })
  }
}

const OWN_ENTRY =
  /^(?:(?:control|links|admin)(?:-\d+)?\.sock|w\d+\.\d+-[\w-]+\.sock(?:\.left)?|state\.json.*)$/

/** What an instance creates; a run directory somebody chose may hold other things. */
function ownEntries(path: string): readonly string[] {
  return entries(path).filter((name) => OWN_ENTRY.test(name))
}

function entries(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    // ENOENT: somebody removed the folder under us.
    return []
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    // ENOENT or EINVAL: not our link any more.
    return undefined
  }
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // ENOTEMPTY: a successor has it, or somebody keeps things there. ENOENT: gone already.
  }
}
