import type { KeptGeneration, Verdict } from '../contract/verdict.ts'
import type { GenerationId } from '../contract/router.ts'
import type { Fleet } from './state.ts'

/** Generations are named as briefly as on the terminal. */
const NAME_CHARS = 7

/** Why content is not served, and how it is all the same. */
export function condemnedText(verdict: Verdict): string {
  return `${verdictText(verdict)}; to serve it all the same, use --force`
}

function verdictText({ generation, by, reason, atMs }: Verdict): string {
  const name = briefly(generation)
  const what = by === 'server' ? 'taken back' : 'rolled back by an operator'
  return `${name} was ${what} at ${new Date(atMs).toISOString()}: ${reason}`
}

/** A generation as the terminal names it. */
export function briefly(generation: GenerationId): string {
  return generation.slice(0, NAME_CHARS)
}

/** A start has found content that is not to serve again. */
export function tellFound(fleet: Fleet, verdict: Verdict, good: KeptGeneration | undefined): void {
  const { generation, by, reason } = verdict
  fleet.refusals.quarantine(generation)
  fleet.effects.emit({ type: 'condemned-found', generation, instead: good?.generation ?? null, by, reason })
}
