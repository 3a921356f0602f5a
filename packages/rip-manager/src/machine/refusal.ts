import type { Refusal, RefusalCode } from '../contract/refusal.ts'
import type { GenerationId } from '../contract/router.ts'
import type { Failure } from './failure.ts'
import type { Fleet } from './state.ts'

/** What an operator is shown of a failure. */
export function refusalOf(
  fleet: Fleet,
  code: RefusalCode,
  generation: GenerationId,
  { byChance: _byChance, ...facts }: Failure,
): Refusal {
  return { code, generation, ...facts, atMs: fleet.effects.wallMs() }
}

/** The refusal of a wish that something else has taken the place of. */
export function supersededBy(fleet: Fleet, message: string): Refusal {
  return refusalOf(fleet, 'superseded', fleet.serving?.generation.id ?? 'unknown', { message })
}
