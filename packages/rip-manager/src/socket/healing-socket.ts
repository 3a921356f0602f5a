import { existsSync, rmSync } from 'node:fs'
import { listenPrivately } from './listen-privately.ts'

/**
 * A Unix socket of the run directory that only its owner may use, and that is made again after it was removed, as
 * systemd does with the runtime folder of a user who logs out.
 */
export class HealingSocket<Listener> {
  readonly #path: string
  readonly #listen: () => Listener
  readonly #listeners: Listener[] = []
  #closed = false

  /** @param listen listens on the path; called again each time it was removed */
  constructor(path: string, listen: () => Listener) {
    this.#path = path
    this.#listen = listen
  }

  /** @throws what `listen` throws */
  open(): void {
    this.#listeners.push(listenPrivately(this.#listen))
  }

  /**
   * Listens again if the socket was removed. The former listener goes on: it has live connections, and to stop it
   * would remove the path of the new one.
   *
   * @throws what `listen` throws, such as ENOENT while the folder is gone as well
   */
  heal(): void {
    if (this.#closed || this.#listeners.length === 0 || existsSync(this.#path)) return
    this.open()
  }

  /** Every listener, of which the last one has the path. It is not made again any more. */
  close(): readonly Listener[] {
    this.#closed = true
    return this.#listeners
  }

  /** Removes the path, when the listeners have stopped. */
  remove(): void {
    rmSync(this.#path, { force: true })
  }
}
