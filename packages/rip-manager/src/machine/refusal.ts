import type { Refusal, RefusalCode } from '../contract/refusal.ts'
import type { GenerationId } from '../contract/router.ts'
import type { Failure, Pool } from './state.ts'

/** What an operator is told of a failure. */
export function refusalOf(
  pool: Pool,
  code: RefusalCode,
  generation: GenerationId,
  { byChance: _byChance, ...facts }: Failure,
): Refusal {
  return { code, generation, ...facts, atMs: pool.effects.wallMs() }
}
