import { rmSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { BusPlace } from '@rip/worker/protocol'
import { ManagerError } from '../contract/errors.ts'
import { linkAlias, removeAlias } from './alias.ts'
import { BUS_FOLDER, BusFolder, busKeyOf } from './bus-folder.ts'
import { writeInstance } from './instance.ts'
import { lendFolder, takeBackFolder } from './lent-folder.ts'
import type { RunDirLocation } from './locate.ts'
import type { Lock } from './lock.ts'
import { ensurePrivateFolder } from './private-folder.ts'
import type { PublishedState, RunDir } from './run-dir.ts'
import { removeDead, removeIfEmpty, removeOwn, removeShared } from './run-dir-entries.ts'
import { lockRunDir } from './run-dir-lock.ts'
import { SharedSecret } from './shared-secret.ts'
import { modeFor, type Tenants } from './tenants.ts'
import { asUnusable } from './unusable.ts'
import { WorkerSockets } from './worker-sockets.ts'
import { messageOf } from '../contract/message-of.ts'

/** How often a removed folder is noticed when nothing asks for a path in it. */
const RESTORE_MS = 2_000

export interface RunDirParts {
  readonly location: RunDirLocation
  /** Folder the sockets are addressed through. */
  readonly sockets: string
  readonly lock: Lock
  /** Another process of the same instance is still there. */
  readonly succeeds: boolean
  readonly tenants: Tenants | undefined
  readonly onWarning: (message: string) => void
}

/** The run directory of this process, from the taking of its lock to its release. */
export class OwnedRunDir implements RunDir {
  readonly path: string
  readonly controlPath: string
  readonly linksPath: string
  readonly adminPath: string
  readonly routerFolder: string
  readonly #location: RunDirLocation
  readonly #sockets: string
  readonly #succeeds: boolean
  readonly #tenants: Tenants | undefined
  readonly #workers: WorkerSockets
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
    this.#workers = new WorkerSockets(sockets, tenants)
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
    return this.#workers.place(slot, incarnation)
  }

  handOnSocket(path: string): void {
    this.#workers.handOn(path)
  }

  dropSocket(path: string): void {
    this.#workers.drop(path)
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
    if (this.#workers.has(path)) return true
    if (!this.#workers.isUnsafe(path)) this.#restore()
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
    this.#lock = lockRunDir(this.path, modeFor(this.#tenants))
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
    const lock = lockRunDir(this.path, modeFor(this.#tenants))
    this.#lock.release()
    this.#lock = lock
  }

  /** Told once, until all is there again. */
  #noteIncomplete(error: unknown): void {
    const isTaken = error instanceof ManagerError && error.code === 'ALREADY_RUNNING'
    if (isTaken || this.#isIncomplete) return
    this.#isIncomplete = true
    const reason = messageOf(error)
    this.#warn(
      `${this.path} was removed, and cannot be made again: ${reason}; until then commands do not find this server`,
    )
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#handedOver) return
    const { path } = this.#location
    // What is there without our lock is not ours any more.
    if (!this.#lock.isInPlace()) return this.#lock.release()
    // Not published means that the predecessor is still there, and its sockets with it.
    if (this.#succeeds && this.#state === undefined) {
      await removeDead(path, this.#sockets, true)
      if (this.#tenants !== undefined) takeBackFolder(this.routerFolder)
      return this.#lock.release()
    }
    removeOwn(path)
    this.#lock.release()
    removeShared(path)
    removeIfEmpty(path)
    removeAlias(this.#location)
  }
}
