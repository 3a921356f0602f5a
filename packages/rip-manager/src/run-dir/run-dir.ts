import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { type BusPlace, NOTICES_SUFFIX } from '@rip/worker/protocol'
import { ManagerError } from '../contract/errors.ts'
import { assertSocketPathFits, MAX_SOCKET_PATH_BYTES } from '../socket/socket-address.ts'
import type { Account } from '../contract/account.ts'
import { isListening, removeStaleSocket } from '../socket/listening.ts'
import { type Instance, writeInstance } from './instance.ts'
import {
  type Environment,
  type InstanceIdentity,
  locateRunDir,
  type RunDirLocation,
  SOCKET_NAME_BYTES,
} from './locate.ts'
import { BUS_FOLDER, BusFolder, busKeyOf, clearBusFolder, removeBusFolder } from './bus-folder.ts'
import { closedFolder } from './enterable.ts'
import { handOnSockets, lendFolder, takeBackFolder } from './lent-folder.ts'
import { isLock, type Lock, takeLock } from './lock.ts'
import { ensurePrivateFolder } from './private-folder.ts'
import { SECRET_NAME, SharedSecret } from './shared-secret.ts'

const PRIVATE_MODE = 0o700
/** Tenants get through to what is theirs, by its name; what is there they cannot see. */
const PASSABLE_MODE = 0o711
const MAX_ATTEMPTS = 10
/** How often a removed folder is noticed when nothing asks for a path in it. */
const RESTORE_MS = 2_000
/** Of a worker, or of the balancer. */
const LENT_FOLDER = /^(?:w\d+\.\d+-[\w-]+|balancer(?:-\d+)?)$/
const OWN_ENTRY =
  /^(?:(?:control|links|admin)(?:-\d+)?\.sock|w\d+\.\d+-[\w-]+(?:\.sock(?:\.left|\.cmd)?)?|balancer(?:-\d+)?|state\.json.*|bus)$/
/** Of balancers beside the instance, which come and go by themselves; see `meeting/meeting-place.ts`. */
const OF_BALANCERS = /^(?:joined|lends|meets)-\d+\.sock$/
/** Begins the names of files by which balancers know what one of them has learned. */
export const LEARNED_NAME = 'learned'
/** Of the instance and the balancers beside it together, and what they write before it has its name. */
const SHARED = new RegExp(`^(?:${SECRET_NAME}(?:-\\d+(?:\\.[\\w-]+)?)?|${LEARNED_NAME}-\\d+(?:\\.\\d+)?)$`)

/** Users who own something in the run directory of root: the one workers run as, and the one the balancer runs as. */
export interface Tenants {
  readonly workers: Account
  readonly router: Account
}

/** Endings of the paths of a worker's sockets: requests, notices of clients that left, the program of a start command. */
const SOCKET_ENDINGS = ['', NOTICES_SUFFIX, '.cmd'] as const

/** The private folder of one running instance: its lock, its sockets, its state. */
export interface RunDir extends AsyncDisposable {
  readonly path: string
  /** Where operators' commands arrive. */
  readonly controlPath: string
  /** Where workers report. */
  readonly linksPath: string
  /** Where the balancer takes orders. */
  readonly adminPath: string
  /** Folder of what the balancer owns; the run directory itself when it runs as the user who opened that. */
  readonly routerFolder: string
  /** A secret that the balancers beside this instance know, too; it lasts as long as this instance or one of them. */
  secret(): string
  /** A fresh name that cannot be guessed, for one incarnation of a worker; never given twice. */
  socketPath(slot: number, incarnation: number): string
  /**
   * The worker listens: from now on only the router gets to the socket by name. Idempotent; does nothing without tenants.
   *
   * @throws ManagerError `SOCKET_UNSAFE`
   */
  handOnSocket(path: string): void
  /** The worker has gone: removes what is left of its sockets. Idempotent. */
  dropSocket(path: string): void
  /** Where workers meet; makes the folder again if it was removed. */
  busPlace(): BusPlace
  /** Removes what a worker that has ended left there. */
  leftBus(pid: number): void
  /** Whether a socket is where it was made; makes the folder again if it was removed. */
  hasSocket(path: string): boolean
  /** Publishes what `status` and `ps` of other processes find. */
  publish(state: PublishedState): void
  /**
   * Lets another process of the same instance have the folder: the lock is free, and nothing is removed or made
   * again from here on.
   */
  handOver(): void
  /** Ends `handOver` when no successor came. @throws ManagerError `ALREADY_RUNNING` */
  takeBack(): void
  /** Takes over the names of the predecessor's sockets, such as `admin.sock`, once it has gone. */
  inheritNames(): void
  /** Removes everything it created. Idempotent. */
  close(): Promise<void>
}

export interface RunDirOptions extends InstanceIdentity {
  /** @default process.env */
  readonly env?: Environment
  /** Another process of the same instance is still there: its sockets keep their names. @default false */
  readonly succeeds?: boolean
  /** Other users who use it, which takes root. @default none */
  readonly tenants?: Tenants
  /** Takes one sentence when a folder that was removed cannot be made again as it was. @default nobody is told */
  readonly onWarning?: (message: string) => void
}

/**
 * Creates or takes over the run directory of an instance and holds its lock for life. Sockets a killed
 * predecessor left behind are removed if no process listens on them any more.
 *
 * @throws ManagerError `ALREADY_RUNNING`, `RUN_DIR_UNSAFE`, `RUN_DIR_UNUSABLE`, `RUN_DIR_CLOSED` or `SOCKET_PATH_TOO_LONG`.
 */
export async function openRunDir(options: RunDirOptions): Promise<RunDir> {
  const { tenants, succeeds = false } = options
  const accounts = tenants === undefined ? [] : Object.values<Account>({ ...tenants })
  const location = locateRunDir(options, options.env, accounts)
  try {
    ensurePrivateFolder(location.base, modeFor(tenants))
    if (location.alias !== undefined && !succeeds) assertEmptyOrOurs(location.path)
    return await takeOver(location, options)
  } catch (error) {
    throw asUnusable(location.path, error)
  }
}

async function takeOver(
  location: RunDirLocation,
  { succeeds = false, tenants, onWarning = () => {} }: RunDirOptions,
): Promise<RunDir> {
  const lock = acquire(location.path, tenants)
  try {
    admitTenants(location, tenants)
    const sockets = linkAlias(location)
    await removeDead(location.path, sockets, succeeds)
    return new OwnedRunDir({ location, sockets, lock, succeeds, tenants, onWarning })
  } catch (error) {
    lock.release()
    throw error
  }
}

function modeFor(tenants: Tenants | undefined): number {
  return tenants === undefined ? PRIVATE_MODE : PASSABLE_MODE
}

/** Folders under names of ours are opened to these users; a folder that an operator chose stays as it is. */
function admitTenants({ base, path, alias }: RunDirLocation, tenants: Tenants | undefined): void {
  if (tenants === undefined) return
  for (const folder of alias === undefined ? [base, path] : [base]) {
    const mode = lstatSync(folder).mode & 0o7777
    if ((mode & 0o011) !== 0o011) chmodSync(folder, mode | 0o011)
  }
  const folder = closedFolder(path, Object.values<Account>({ ...tenants }))
  if (folder !== undefined) throw new ManagerError('RUN_DIR_CLOSED', { path, folder })
}

/** A folder that an operator chose and that holds other things is refused: names of ours in it would be taken over, and removed. */
export function assertEmptyOrOurs(path: string): void {
  const names = entries(path)
  if (names.length === 0 || names.includes('lock') || names.every(isOfBalancers)) return
  const reason = `it is not empty (${names[0]}), and no instance made it`
  throw new ManagerError('RUN_DIR_UNSAFE', { path, reason })
}

function isOfBalancers(name: string): boolean {
  return SHARED.test(name) || OF_BALANCERS.test(name)
}

/** Removes the secret and what was learned, unless an instance or balancers stay that share them. */
export function removeShared(path: string): void {
  const names = entries(path)
  if (names.some((name) => name === 'lock' || OF_BALANCERS.test(name))) return
  for (const name of names) if (SHARED.test(name)) rmSync(join(path, name), { force: true })
}

/** What the system says (ENOSPC, EACCES, EROFS), with the folder it is about. */
function asUnusable(path: string, error: unknown): ManagerError {
  if (error instanceof ManagerError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new ManagerError('RUN_DIR_UNUSABLE', { path, reason }, { cause: error })
}

interface RunDirParts {
  readonly location: RunDirLocation
  /** Folder the sockets are addressed through. */
  readonly sockets: string
  readonly lock: Lock
  readonly succeeds: boolean
  readonly tenants: Tenants | undefined
  readonly onWarning: (message: string) => void
}

type PublishedState = Omit<Instance, 'runDir' | 'control' | 'pid'>

class OwnedRunDir implements RunDir {
  readonly path: string
  readonly controlPath: string
  readonly linksPath: string
  readonly adminPath: string
  readonly routerFolder: string
  readonly #location: RunDirLocation
  readonly #sockets: string
  readonly #succeeds: boolean
  readonly #tenants: Tenants | undefined
  /** Sockets that were handed on. */
  readonly #handedOn = new Set<string>()
  /** Something else is in the place of these: they count as lost. */
  readonly #unsafe = new Set<string>()
  readonly #timer: ReturnType<typeof setInterval>
  readonly #secret: SharedSecret
  readonly #warn: (message: string) => void
  /** The folder was made again, and not yet all that is in it. */
  #isIncomplete = false
  readonly #busFolder: BusFolder
  #lock: Lock
  #handedOver = false
  #state: PublishedState | undefined
  #closing: Promise<void> | undefined

  constructor({ location, sockets, lock, succeeds, tenants, onWarning }: RunDirParts) {
    const suffix = succeeds ? `-${process.pid}` : ''
    this.path = location.path
    this.controlPath = join(sockets, `control${suffix}.sock`)
    this.linksPath = join(sockets, `links${suffix}.sock`)
    this.routerFolder = tenants === undefined ? location.path : join(sockets, `balancer${suffix}`)
    this.adminPath =
      tenants === undefined ? join(sockets, `admin${suffix}.sock`) : join(this.routerFolder, 'admin.sock')
    this.#location = location
    this.#sockets = sockets
    this.#succeeds = succeeds
    this.#tenants = tenants
    this.#warn = onWarning
    this.#lock = lock
    this.#secret = new SharedSecret(location.path)
    this.#busFolder = new BusFolder(location.path, tenants?.workers)
    this.#makeRouterFolder()
    this.#timer = setInterval(() => this.#restore(), RESTORE_MS)
    this.#timer.unref()
  }

  secret(): string {
    return this.#secret.read()
  }

  socketPath(slot: number, incarnation: number): string {
    this.#restore()
    const name = `w${slot}.${incarnation}-${randomBytes(6).toString('base64url')}`
    if (this.#tenants === undefined) return join(this.#sockets, `${name}.sock`)
    const folder = join(this.#sockets, name)
    lendFolder(folder, this.#tenants.workers)
    return join(folder, 's.sock')
  }

  handOnSocket(path: string): void {
    if (this.#tenants === undefined || this.#handedOn.has(path)) return
    const { workers, router } = this.#tenants
    const name = basename(path)
    try {
      handOnSockets(dirname(path), [name, name + NOTICES_SUFFIX], workers, router)
      this.#handedOn.add(path)
    } catch (error) {
      this.#unsafe.add(path)
      throw error
    }
  }

  dropSocket(path: string): void {
    if (this.#tenants === undefined) {
      // A worker that is killed removes none of them.
      for (const ending of SOCKET_ENDINGS) rmSync(path + ending, { force: true })
      return
    }
    this.#handedOn.delete(path)
    this.#unsafe.delete(path)
    takeBackFolder(dirname(path))
  }

  busPlace(): BusPlace {
    this.#busFolder.make()
    return { folder: join(this.#sockets, BUS_FOLDER), key: busKeyOf(this.secret()) }
  }

  leftBus(pid: number): void {
    if (!this.#handedOver) this.#busFolder.left(pid)
  }

  /** Its socket has the usual name beside. */
  #makeRouterFolder(): void {
    if (this.#tenants === undefined) return
    takeBackFolder(this.routerFolder)
    lendFolder(this.routerFolder, this.#tenants.router)
    if (!this.#succeeds) this.#link('admin.sock', this.adminPath)
  }

  #link(name: string, path: string): void {
    const link = join(this.path, name)
    rmSync(link, { force: true })
    symlinkSync(relative(this.#sockets, path), link)
  }

  hasSocket(path: string): boolean {
    if (this.#unsafe.has(path)) return false
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
    this.#lock = acquire(this.path, this.#tenants)
    this.#handedOver = false
    // The successor that was given up may have taken it away.
    linkAlias(this.#location)
    if (this.#state !== undefined) this.publish(this.#state)
  }

  inheritNames(): void {
    for (const [name, path] of [
      ['control.sock', this.controlPath],
      ['admin.sock', this.adminPath],
    ] as const) {
      if (this.#succeeds) this.#link(name, path)
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * Makes the folder again after it was removed, as systemd does with the runtime folder of a user who
   * logs out: without it no dead worker could be replaced.
   */
  #restore(): void {
    if (this.#closing !== undefined || this.#handedOver) return
    if (this.#lock.isInPlace() && !this.#isIncomplete) return
    try {
      if (!this.#lock.isInPlace()) this.#lockAgain()
      linkAlias(this.#location)
      this.#makeRouterFolder()
      this.#busFolder.make()
      if (this.#state !== undefined) this.publish(this.#state)
      this.#isIncomplete = false
    } catch (error) {
      // ALREADY_RUNNING: a successor has taken the place. EACCES, ENOSPC: it may be possible later.
      this.#noteIncomplete(error)
    }
  }

  #lockAgain(): void {
    ensurePrivateFolder(this.#location.base, modeFor(this.#tenants))
    const lock = acquire(this.path, this.#tenants)
    this.#lock.release()
    this.#lock = lock
  }

  /** Told once, until all is there again. */
  #noteIncomplete(error: unknown): void {
    const isTaken = error instanceof ManagerError && error.code === 'ALREADY_RUNNING'
    if (isTaken || this.#isIncomplete) return
    this.#isIncomplete = true
    const reason = error instanceof Error ? error.message : String(error)
    this.#warn(
      `${this.path} was removed, and cannot be made again: ${reason}; until then commands do not find this server`,
    )
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#handedOver) return
    const { path, alias } = this.#location
    // What is there without our lock is not ours any more.
    if (!this.#lock.isInPlace()) return this.#lock.release()
    // Not published means that the predecessor is still there, and its sockets with it.
    if (this.#succeeds && this.#state === undefined) {
      await removeDead(path, this.#sockets, true)
      if (this.#tenants !== undefined) takeBackFolder(this.routerFolder)
      return this.#lock.release()
    }
    for (const name of ownEntries(path)) remove(join(path, name))
    this.#lock.release()
    removeShared(path)
    removeIfEmpty(path)
    // Balancers that stay are still addressed through it.
    if (alias !== undefined && linkTarget(alias) === path && !existsSync(path)) rmSync(alias, { force: true })
  }
}

/** A predecessor that closes removes its empty folder, so that it may vanish between our making and our locking it. */
function acquire(path: string, tenants: Tenants | undefined): Lock {
  for (let attempt = 1; ; attempt += 1) {
    try {
      ensurePrivateFolder(path, modeFor(tenants))
      const result = takeLock(join(path, 'lock'))
      if (isLock(result)) return result
      throw new ManagerError('ALREADY_RUNNING', { runDir: path, pid: result.holder })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === MAX_ATTEMPTS) throw error
    }
  }
}

/**
 * Folder the sockets are addressed through. A run directory elsewhere gets an entry in the user's folder of
 * instances: `ps` finds it there, and it stands in where its own path is too long for a socket.
 */
export function linkAlias({ path, alias }: RunDirLocation): string {
  if (alias !== undefined) {
    rmSync(alias, { force: true })
    symlinkSync(path, alias)
  }
  if (Buffer.byteLength(path) + SOCKET_NAME_BYTES <= MAX_SOCKET_PATH_BYTES) return path
  assertSocketPathFits(`${alias ?? path}/${'x'.repeat(SOCKET_NAME_BYTES - 1)}`)
  return alias ?? path
}

/** @param shared the predecessor is still there, and its workers may not listen yet */
async function removeDead(path: string, addressedThrough: string, shared: boolean): Promise<void> {
  const names = ownEntries(path)
  const theirs = entries(path).filter((name) => OF_BALANCERS.test(name))
  const sockets = [...names.filter((name) => /\.sock(?:\.left|\.cmd)?$/.test(name)), ...theirs]
  for (const name of sockets) await removeStaleSocket(join(path, name), join(addressedThrough, name))
  await clearBusFolder(join(path, BUS_FOLDER), join(addressedThrough, BUS_FOLDER))
  if (shared) return
  for (const name of names.filter((each) => LENT_FOLDER.test(each))) {
    if (!(await isListening(join(addressedThrough, name, 's.sock')))) takeBackFolder(join(path, name))
  }
}

function remove(path: string): void {
  if (basename(path) === BUS_FOLDER) return removeBusFolder(path)
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) takeBackFolder(path)
  else rmSync(path, { force: true })
}

/** What an instance creates; a run directory that an operator chose may hold other things. */
function ownEntries(path: string): readonly string[] {
  return entries(path).filter((name) => OWN_ENTRY.test(name))
}

function entries(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    // ENOENT: the folder was removed under us.
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
    // ENOTEMPTY: a successor has it, or other things are kept there. ENOENT: gone already.
  }
}
