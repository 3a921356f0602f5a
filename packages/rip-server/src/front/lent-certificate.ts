import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Account, type ServedCertificate, writeOwnFile } from '@rip/manager'

/** How often the files are checked for changes. */
const CHECK_MS = 1_000

export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

/**
 * Copies of certificate and key in a folder of the balancer, which only the balancer can read; made anew when the files
 * change. Root reads the originals, so that the balancer needs no rights to them.
 */
export class LentCertificate implements CertificateFiles, Disposable {
  readonly cert: string
  readonly key: string
  readonly #from: CertificateFiles
  readonly #owner: Account
  readonly #timer: NodeJS.Timeout
  readonly #stamps = new Map<string, string>()
  #isLent = false

  constructor(from: CertificateFiles, folder: string, owner: Account) {
    this.#from = from
    this.#owner = owner
    this.cert = join(folder, 'tls.crt')
    this.key = join(folder, 'tls.key')
    this.#timer = setInterval(() => this.#renew(), CHECK_MS)
    this.#timer.unref()
  }

  /**
   * Makes both copies, and replaces those that exist. @throws what reading or writing them throws, unless there are copies
   */
  lend(): void {
    this.#stamps.clear()
    try {
      this.#copyChanged()
      this.#isLent = true
    } catch (error) {
      if (!this.#isLent) throw error
      // ENOENT, ENOSPC: the balancer has the copies made before.
    }
  }

  /** With the originals in place of the copies. */
  namedAsGiven(served: ServedCertificate): ServedCertificate {
    const { cert, key } = this.#from
    const problem = served.problem?.replaceAll(this.cert, cert).replaceAll(this.key, key) ?? null
    return { ...served, file: cert, problem }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #renew(): void {
    try {
      this.#copyChanged()
    } catch {
      // ENOENT, in the middle of a renewal: the next check finds both.
    }
  }

  #copyChanged(): void {
    for (const which of ['cert', 'key'] as const) {
      const { mtimeMs, size, ino } = statSync(this.#from[which])
      const stamp = `${mtimeMs} ${size} ${ino}`
      if (this.#stamps.get(which) === stamp) continue
      writeOwnFile(this[which], readFileSync(this.#from[which]), this.#owner)
      this.#stamps.set(which, stamp)
    }
  }
}
