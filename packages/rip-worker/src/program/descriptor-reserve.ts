import type { CLibrary } from './c-library.ts'

/** Of getrlimit(2). */
const RLIMIT_NOFILE = 7
/** fcntl(2): the lowest free descriptor from its argument on, closed on exec. */
const F_DUPFD_CLOEXEC = 1030
const STDERR = 2

/** Descriptors kept for the moment in which there are no others. */
const RESERVED = 16
/** So many must be free before some are reserved again. */
const RECOVERED = 2 * RESERVED

/**
 * Counts the descriptors this process can still open, and holds some back. When there are no others it gives away half of
 * what it holds each time it is asked: connections can be accepted until the process is replaced, and it can leave in
 * good order. Linux only.
 */
export class DescriptorReserve {
  readonly #library: CLibrary
  /** Duplicated to reserve and to count: neither opens a file, which the system may refuse for reasons of its own. */
  readonly #source: number
  readonly #held: number[] = []
  #isExhausted = false

  private constructor(library: CLibrary, source: number) {
    this.#library = library
    this.#source = source
    this.#hold()
  }

  /** `undefined` where descriptors cannot be counted. */
  static of(library: CLibrary): DescriptorReserve | undefined {
    if (process.platform !== 'linux') return undefined
    const source = library.fcntl(STDERR, F_DUPFD_CLOEXEC, STDERR + 1)
    return source < 0 ? undefined : new DescriptorReserve(library, source)
  }

  /**
   * At most so many can be opened beside those that are held back: descriptors above the lowest free one may be taken
   * as well. 0 from the moment there were none until there are enough again.
   */
  free(): number {
    const free = this.#count()
    if (free >= RECOVERED && this.#held.length < RESERVED) this.#hold()
    if (free >= RECOVERED) this.#isExhausted = false
    if (free > 0) return this.#isExhausted ? 0 : free
    this.#isExhausted = true
    this.#giveAway(Math.ceil(this.#held.length / 2))
    return 0
  }

  /** Whether the process can open something, with what was given away. */
  get hasAny(): boolean {
    return this.#count() > 0
  }

  /** Gives away all that is held back. */
  release(): void {
    this.#giveAway(this.#held.length)
  }

  /** The system gives out the lowest number that is free. */
  #count(): number {
    const lowest = this.#library.fcntl(this.#source, F_DUPFD_CLOEXEC, 0)
    if (lowest < 0) return 0
    this.#library.close(lowest)
    return Math.max(0, this.#limit() - lowest)
  }

  /** It may be changed from outside, see prlimit(1). */
  #limit(): number {
    const limits = new BigUint64Array(2)
    const failed = this.#library.getrlimit(RLIMIT_NOFILE, limits) < 0
    return failed ? Infinity : Number(limits[0])
  }

  #hold(): void {
    while (this.#held.length < RESERVED) {
      const held = this.#library.fcntl(this.#source, F_DUPFD_CLOEXEC, 0)
      if (held < 0) return
      this.#held.push(held)
    }
  }

  #giveAway(count: number): void {
    for (const held of this.#held.splice(0, count)) this.#library.close(held)
  }
}
