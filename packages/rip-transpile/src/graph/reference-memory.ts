import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { References } from './references.ts'

/** The references found in code with one content. */
export interface KnownCode {
  readonly references: References
  readonly commonjs: boolean
}

/**
 * Remembers from one build to the next which modules code refers to, by its content: most files are the same, and
 * finding out takes most of a build's time. Without a file it remembers nothing.
 */
export class ReferenceMemory {
  readonly #path: string | undefined
  readonly #before: Readonly<Record<string, KnownCode>>
  readonly #now: Record<string, KnownCode> = {}
  #learned = false

  constructor(path?: string) {
    this.#path = path
    this.#before = path === undefined ? {} : read(path)
  }

  /** The references of code with this content in a file with this ending; calls `findOut` if they are unknown. */
  recall(bytes: Uint8Array, extension: string, findOut: () => KnownCode): KnownCode {
    if (this.#path === undefined) return findOut()
    const key = new Bun.CryptoHasher('sha256').update(bytes).digest('hex') + extension
    const known = Object.hasOwn(this.#before, key) ? this.#before[key] : undefined
    if (known === undefined) this.#learned = true
    return (this.#now[key] = known ?? findOut())
  }

  /** Saves what this build used, and nothing else. */
  save(): void {
    if (this.#path === undefined || !this.#learned) return
    const temporary = `${this.#path}.${process.pid}.tmp`
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 })
      writeFileSync(temporary, JSON.stringify(this.#now), { mode: 0o600 })
      renameSync(temporary, this.#path)
    } catch {
      // ENOSPC: the next build takes as long as this one.
    }
  }
}

function read(path: string): Readonly<Record<string, KnownCode>> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, KnownCode>
  } catch {
    // ENOENT, or damaged: only the build takes longer.
    return {}
  }
}
