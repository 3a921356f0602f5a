import { DEFAULT_POLICY } from '../defaults.ts'
import type { Backend } from '../upstream/backend.ts'
import type { Claimant } from './claim.ts'
import type { PoolClock } from './clock.ts'
import type { Comparison } from './comparison.ts'
import { isCertain } from './ejection.ts'
import type { Ejector } from './ejector.ts'
import type { Generations } from './generations.ts'
import type { HeldPlaces } from './held-places.ts'
import { bindsClients, LeastHeld } from './least-held.ts'
import type { PooledBackend } from './pooled-backend.ts'
import { createPolicy, type Policy, type PolicyName, type PolicyTools } from './policy.ts'
import type { SlowStart } from './slow-start.ts'

const NO_BACKENDS: readonly Backend[] = []
/** When nothing else is left, one request tries so many backends that are put aside. */
const MAX_PANIC_TRIES = 3

/** What a choice depends on. */
export interface ChooserOptions extends PolicyTools {
  readonly clock: PoolClock
  readonly generations: Generations
  readonly comparison: Comparison
  readonly ejector: Ejector
  readonly slowStart: SlowStart
  readonly held: HeldPlaces
}

/**
 * Chooses a backend for a request: the policy's choice among those that have free capacity and are not put aside, without
 * those in doubt while there are others; then one that failed this request before; at last one that is put aside.
 */
export class Chooser {
  /** A backend in rotation failed its last health check. */
  anyoneAils = false
  /** Backends that die are replaced, so that none that is put aside is tried because nothing else is left. */
  awaitsReplacements = false
  private readonly options: ChooserOptions
  private readonly leastHeld = new LeastHeld()
  private policy: Policy
  private policyName: PolicyName = DEFAULT_POLICY
  /** The request a backend is chosen for, and those it is not sent to. */
  private claimant: Claimant | undefined
  private tried: readonly Backend[] = NO_BACKENDS

  constructor(options: ChooserOptions) {
    this.options = options
    this.policy = createPolicy(this.policyName, options)
  }

  /** A policy that stays goes on where it is. */
  use(name: PolicyName): void {
    if (name === this.policyName) return
    this.policyName = name
    this.policy = createPolicy(name, this.options)
  }

  /** @param tried the backends that failed this request, the last one last */
  choose(claimant: Claimant, tried: readonly Backend[]): PooledBackend | undefined {
    this.claimant = claimant
    this.tried = tried
    const candidates = this.candidatesFor(claimant, tried)
    const preferred =
      this.chooseBeyondDoubt(claimant, candidates) ??
      this.policyFor(claimant).choose(candidates, this.isEligible, claimant)
    if (preferred !== undefined) return this.chooseLively(claimant, candidates, preferred)
    return (
      (tried.length === 0 ? undefined : this.chooseAgain(claimant)) ?? this.chooseInPanic(claimant, tried)
    )
  }

  /** Whether a backend other than this one could be chosen right now. */
  hasOther(than: Backend): boolean {
    this.tried = NO_BACKENDS
    const isOther = (backend: PooledBackend): boolean => backend !== than && this.isEligible(backend)
    return this.rotation.some(isOther) || this.compared().some(isOther)
  }

  /** The queue is for the busy: where no backend can take anything, waiting is in vain. */
  get someMayBecomeFree(): boolean {
    return this.rotation.some(
      ({ isUsed, ejection }) => isUsed && (ejection === undefined || ejection.reason === 'suspect'),
    )
  }

  private get rotation(): readonly PooledBackend[] {
    return this.options.generations.rotation
  }

  private candidatesFor(claimant: Claimant, tried: readonly Backend[]): readonly PooledBackend[] {
    const { comparison } = this.options
    if (!comparison.isOn) return this.rotation
    return comparison.draw(claimant, tried, this.rotation, this.compared(), this.isEligible)
  }

  /** Backends that lots are drawn for beside those in rotation. */
  private compared(): readonly PooledBackend[] {
    const { comparison, generations } = this.options
    const { generation } = comparison
    return generation === undefined ? [] : generations.of(generation)
  }

  /** Another one, if this one is unusually quiet: it may hang, and what is in flight there tells soon. */
  private chooseLively(
    claimant: Claimant,
    candidates: readonly PooledBackend[],
    preferred: PooledBackend,
  ): PooledBackend {
    if (preferred.ejection !== undefined || !this.isQuiet(preferred) || bindsClients(this.policyName))
      return preferred
    const isEligible = claimant.isRepeatable ? this.isLively : this.isLivelyBeyondDoubt
    return this.policyFor(claimant).choose(candidates, isEligible, claimant) ?? preferred
  }

  /**
   * Requests pass over those that failed their last health check, and what cannot be sent again over those of which a
   * request failed not long ago, unless it belongs to one of them.
   */
  private chooseBeyondDoubt(
    claimant: Claimant,
    candidates: readonly PooledBackend[],
  ): PooledBackend | undefined {
    if (bindsClients(this.policyName)) return undefined
    const mayFail = claimant.isRepeatable || !this.options.ejector.hasDoubts
    if (mayFail && !this.anyoneAils) return undefined
    const isEligible = mayFail ? this.isNotAiling : this.isBeyondDoubt
    return this.policyFor(claimant).choose(candidates, isEligible, claimant)
  }

  /**
   * What lasts long is spread by what each backend has of it, unless the policy says which client belongs to which backend;
   * while none has any, like all others.
   */
  private policyFor(claimant: Claimant): Policy {
    if (this.options.held.isEmpty || bindsClients(this.policyName)) return this.policy
    return claimant.expectsLongLife ? this.leastHeld : this.policy
  }

  /** One that failed this request, if it is not put aside: better than none. */
  private chooseAgain(claimant: Claimant): PooledBackend | undefined {
    this.tried = NO_BACKENDS
    return this.policy.choose(this.rotation, this.isEligible, claimant)
  }

  /** Nothing else is left: a backend that was put aside is better than none, the suspected ones first. */
  private chooseInPanic(claimant: Claimant, tried: readonly Backend[]): PooledBackend | undefined {
    if (this.awaitsReplacements || tried.length >= MAX_PANIC_TRIES || this.isAnyInUse) return undefined
    this.tried = tried
    return (
      this.policy.choose(this.rotation, this.isSuspect, claimant) ??
      this.policy.choose(this.rotation, this.isUnreachable, claimant)
    )
  }

  private get isAnyInUse(): boolean {
    return this.rotation.some(({ isUsed, ejection }) => isUsed && ejection === undefined)
  }

  private readonly isEligible = (backend: PooledBackend): boolean =>
    this.isUntried(backend) &&
    (backend.ejection === undefined ||
      this.options.ejector.admits(backend, this.claimant?.isRepeatable === true))

  private readonly isNotAiling = (backend: PooledBackend): boolean =>
    !backend.ailing && this.isEligible(backend)

  private readonly isBeyondDoubt = (backend: PooledBackend): boolean =>
    this.isNotAiling(backend) && !this.options.ejector.isInDoubt(backend)

  private readonly isLively = (backend: PooledBackend): boolean =>
    this.isNotAiling(backend) && !this.isQuiet(backend)

  private readonly isLivelyBeyondDoubt = (backend: PooledBackend): boolean =>
    this.isBeyondDoubt(backend) && !this.isQuiet(backend)

  private readonly isSuspect = (backend: PooledBackend): boolean =>
    backend.ejection?.reason === 'suspect' && this.isUntried(backend)

  private readonly isUnreachable = (backend: PooledBackend): boolean =>
    backend.ejection !== undefined && isCertain(backend.ejection.reason) && this.isUntried(backend)

  private isUntried(backend: PooledBackend): boolean {
    return !this.tried.includes(backend) && this.options.slowStart.hasCapacity(backend)
  }

  private isQuiet({ inFlight, quiet }: PooledBackend): boolean {
    return inFlight > 0 && quiet.unanswered > 0 && quiet.isUnusual(this.options.clock.nowMs())
  }
}
