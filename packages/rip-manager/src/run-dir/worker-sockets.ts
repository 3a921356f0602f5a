import { randomBytes } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { NOTICES_SUFFIX } from '@rip/worker/protocol'
import { handOnSockets, lendFolder, takeBackFolder } from './lent-folder.ts'
import type { Tenants } from './tenants.ts'

/** Endings of the paths of a worker's sockets: requests, notices of clients that left, the program of a start command. */
const SOCKET_ENDINGS = ['', NOTICES_SUFFIX, '.cmd'] as const

const NAME_BYTES = 6

/** The places of the workers' sockets in a run directory; with tenants, each is in a folder that is lent to its user. */
export class WorkerSockets {
  readonly #folder: string
  readonly #tenants: Tenants | undefined
  readonly #handedOn = new Set<string>()
  /** Something else is in the place of these: they count as lost. */
  readonly #unsafe = new Set<string>()

  /** @param folder the run directory, as sockets in it are addressed */
  constructor(folder: string, tenants: Tenants | undefined) {
    this.#folder = folder
    this.#tenants = tenants
  }

  /** A fresh name that cannot be guessed. */
  place(slot: number, incarnation: number): string {
    const name = `w${slot}.${incarnation}-${randomBytes(NAME_BYTES).toString('base64url')}`
    if (this.#tenants === undefined) return join(this.#folder, `${name}.sock`)
    const folder = join(this.#folder, name)
    lendFolder(folder, this.#tenants.workers)
    return join(folder, 's.sock')
  }

  /** Lets only the router get to the socket by name. Idempotent. @throws ManagerError `SOCKET_UNSAFE` */
  handOn(path: string): void {
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

  /** Removes what a worker that has gone left of its sockets: one that is killed removes none of them. Idempotent. */
  drop(path: string): void {
    if (this.#tenants === undefined) {
      for (const ending of SOCKET_ENDINGS) rmSync(path + ending, { force: true })
      return
    }
    this.#handedOn.delete(path)
    this.#unsafe.delete(path)
    takeBackFolder(dirname(path))
  }

  /** Whether a socket is where it was made. */
  has(path: string): boolean {
    return !this.isUnsafe(path) && existsSync(path)
  }

  /** Whether a worker has put something other than its socket there. */
  isUnsafe(path: string): boolean {
    return this.#unsafe.has(path)
  }
}
