import type { Refusal } from '../contract/refusal.ts'
import type { GenerationId } from '../contract/router.ts'

/** The last refusal an operator is shown, and the content that the watcher does not try again. */
export class Refusals {
  #last: Refusal | undefined = undefined
  #quarantined: GenerationId | undefined = undefined

  get last(): Refusal | undefined {
    return this.#last
  }

  isQuarantined(generation: GenerationId): boolean {
    return this.#quarantined === generation
  }

  /** The content is to blame: it is tried again only when an operator asks. */
  quarantine(generation: GenerationId | undefined): void {
    this.#quarantined = generation
  }

  show(refusal: Refusal | undefined): void {
    this.#last = refusal
  }

  /**
   * The disk has what serves, so whatever was refused is no longer there. A refused restart is about what serves, and
   * stays visible. Returns whether a refusal was taken back.
   */
  takeBack(serving: GenerationId): boolean {
    this.#quarantined = undefined
    if (this.#last === undefined || this.#last.generation === serving) return false
    this.#last = undefined
    return true
  }
}
