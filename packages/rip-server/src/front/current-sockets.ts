import { chmodSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Backend, DrainReport, GenerationId, Router } from '@rip/manager'

/** Lets users who may connect to the sockets pass through the folder by name. */
const PASSABLE_MODE = 0o711

/**
 * How long a proxy that has followed a link may take to connect and be accepted; only after that may a worker leave.
 */
const ON_THEIR_WAY_MS = 100

/**
 * A folder of links to the sockets of the workers that serve, for a proxy that takes no orders: `current/1.sock`,
 * `current/2.sock` and so on. The folder is exchanged in one step, as soon as all balancers have acknowledged a switch.
 * A name stays as long as this server runs; where there are fewer workers than names, several names lead to the same
 * one.
 */
export class CurrentSockets implements Router, Disposable {
  readonly #next: Router
  readonly #folder: string
  readonly #declared = new Map<GenerationId, readonly Backend[]>()
  #serving: GenerationId | undefined
  #names = 0
  #versions = 0
  #shown = ''

  /**
   * @param folder folder that gets the link `current`
   * @param shared whether a predecessor still runs, whose links stay until there are new ones
   */
  constructor(next: Router, folder: string, shared: boolean) {
    this.#next = next
    this.#folder = folder
    // Removes what a killed server left behind.
    if (!shared) for (const name of this.#versionsInPlace(ANYBODYS)) this.#remove(name)
  }

  async prepare(generation: GenerationId, backends: readonly Backend[]): Promise<void> {
    await this.#next.prepare(generation, backends)
    this.#declared.set(generation, backends)
    if (generation === this.#serving) await this.#show()
  }

  async cut(generation: GenerationId): Promise<void> {
    await this.#next.cut(generation)
    this.#serving = generation
    await this.#show()
  }

  drain(generation: GenerationId, options: { readonly signal: AbortSignal }): Promise<DrainReport> {
    this.#declared.delete(generation)
    return this.#next.drain(generation, options)
  }

  /** Removes the links, unless a successor has put its own in their place. */
  [Symbol.dispose](): void {
    const current = join(this.#folder, 'current')
    if (linkTarget(current)?.startsWith(PREFIX) === true) rmSync(current, { force: true })
    for (const name of this.#versionsInPlace()) this.#remove(name)
  }

  async #show(): Promise<void> {
    const sockets = (this.#declared.get(this.#serving ?? '') ?? []).map(({ socket }) => socket)
    this.#names = Math.max(this.#names, sockets.length)
    const shown = [this.#names, ...sockets].join('\n')
    if (sockets.length === 0 || shown === this.#shown) return
    this.#shown = shown
    const [before] = this.#versionsInPlace().slice(-1)
    const name = `${PREFIX}${String(++this.#versions).padStart(9, '0')}`
    const folder = join(this.#folder, name)
    mkdirSync(folder)
    // Because `mkdir` applies umask(2).
    chmodSync(folder, PASSABLE_MODE)
    for (let at = 0; at < this.#names; at++)
      symlinkSync(sockets[at % sockets.length]!, join(folder, `${at + 1}.sock`))
    const link = join(this.#folder, `${name}.link`)
    symlinkSync(name, link)
    renameSync(link, join(this.#folder, 'current'))
    // The version before stays for proxies that are on their way through it.
    for (const old of this.#versionsInPlace()) if (old !== name && old !== before) this.#remove(old)
    if (before !== undefined) await Bun.sleep(ON_THEIR_WAY_MS)
  }

  #versionsInPlace(which: RegExp = OWN): readonly string[] {
    try {
      return readdirSync(this.#folder)
        .filter((name) => which.test(name))
        .toSorted()
    } catch {
      // ENOENT: the folder was removed.
      return []
    }
  }

  #remove(name: string): void {
    rmSync(join(this.#folder, name), { recursive: true, force: true })
  }
}

/** Prefix of the folders that `current` leads to, one after the other. */
const PREFIX = `current-${process.pid}-`
const OWN = new RegExp(`^${PREFIX}\\d+$`)
const ANYBODYS = /^current-\d+-\d+(?:\.link)?$/

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    // ENOENT or EINVAL: not a link of this server.
    return undefined
  }
}
