import type { GenerationId } from '../contract/router.ts'
import type { Findings, KeptGeneration, Verdict } from '../contract/verdict.ts'
import type { Effects } from './effects.ts'
import type { Tokens } from './tokens.ts'
import type { Generation } from './generation.ts'

/** So many verdicts are remembered; the oldest are forgotten first. */
const MAX_VERDICTS = 32

/** Content on disk when it was last looked at. */
export interface DiskContent {
  readonly generation: GenerationId
  /** Milliseconds since the epoch. */
  readonly atMs: number
}

export interface VerdictsOptions {
  readonly effects: Pick<Effects, 'remember' | 'keep' | 'wallMs'>
  readonly tokens: Tokens
  /** What was found out before; absent when nothing outlasts this process. */
  readonly findings: Findings | undefined
}

/** What was found out about contents, and the copy of the last good one. */
export class Verdicts {
  readonly #effects: VerdictsOptions['effects']
  readonly #tokens: Tokens
  readonly #lasts: boolean
  readonly #condemned: Map<GenerationId, Verdict>
  #good: KeptGeneration | undefined
  #keeping: { readonly token: number; readonly kept: KeptGeneration } | undefined = undefined
  /** A copy of it could not be made. */
  #unkept: GenerationId | undefined = undefined
  #disk: DiskContent | undefined = undefined

  constructor({ effects, tokens, findings }: VerdictsOptions) {
    this.#effects = effects
    this.#tokens = tokens
    this.#lasts = findings !== undefined
    this.#condemned = new Map(findings?.condemned.map((verdict) => [verdict.generation, verdict]))
    this.#good = findings?.good
  }

  /** The verdict on the content; undefined when there is none, or no content. */
  on(generation: GenerationId | undefined): Verdict | undefined {
    return generation === undefined ? undefined : this.#condemned.get(generation)
  }

  get condemned(): readonly Verdict[] {
    return [...this.#condemned.values()]
  }

  /** The last good generation, if there is a copy of it. */
  get good(): KeptGeneration | undefined {
    return this.#good
  }

  get disk(): DiskContent | undefined {
    return this.#disk
  }

  /** The content was found on disk. */
  found(generation: GenerationId): void {
    this.#disk = { generation, atMs: this.#effects.wallMs() }
  }

  condemn(generation: GenerationId, by: Verdict['by'], reason: string): void {
    this.#condemned.delete(generation)
    this.#condemned.set(generation, { generation, by, reason, atMs: this.#effects.wallMs() })
    const [oldest] = this.#condemned.keys()
    if (this.#condemned.size > MAX_VERDICTS && oldest !== undefined) this.#condemned.delete(oldest)
    if (this.#good?.generation === generation) this.#good = undefined
    this.#remember()
  }

  /** An operator insisted on it. */
  lift(generation: GenerationId): void {
    if (this.#condemned.delete(generation)) this.#remember()
  }

  /** The copy cannot be used. @param forNow the next start may try it again, unless another verdict comes first */
  dropGood({ forNow }: { readonly forNow: boolean }): void {
    this.#good = undefined
    if (!forNow) this.#remember()
  }

  /** Makes a copy of what serves well, once there is content that must not be served instead. */
  keep({ id: generation, snapshot, surroundings: { cwd } }: Generation): void {
    if (!this.#lasts || this.#condemned.size === 0 || this.#condemned.has(generation)) return
    if (snapshot.folder === undefined || this.#keeping !== undefined || this.#unkept === generation) return
    if (this.#good?.generation === generation) return
    const token = this.#tokens.next()
    this.#keeping = { token, kept: { generation, cwd } }
    this.#effects.keep(token, snapshot)
  }

  /** Returns whether it is news that there is no copy. */
  onKept(token: number, error: Error | undefined): boolean {
    if (this.#keeping?.token !== token) return false
    const { kept } = this.#keeping
    this.#keeping = undefined
    // The former copy has given way to it.
    this.#good = error === undefined && !this.#condemned.has(kept.generation) ? kept : this.#good
    if (error === undefined) this.#remember()
    else this.#unkept = kept.generation
    return error !== undefined
  }

  #remember(): void {
    if (this.#lasts) this.#effects.remember({ condemned: this.condemned, good: this.#good })
  }
}
