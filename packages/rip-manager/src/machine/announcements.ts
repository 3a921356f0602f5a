import type { ChangedContent, ManagerEventBody } from '../contract/events.ts'
import type { Refusal } from '../contract/refusal.ts'
import type { GenerationId } from '../contract/router.ts'
import type { Fleet } from './state.ts'
import { START } from './wish.ts'

/** Tells that a generation is being built: once until its end is told, however often the content has to be read. */
export function tellBegun(fleet: Fleet, generation: GenerationId, reason: string): void {
  if (fleet.announced) return
  fleet.announced = true
  if (reason === START) fleet.effects.emit({ type: 'starting', generation, workers: fleet.wanted })
  fleet.effects.emit({ type: 'generation-building', generation, reason })
}

export function tellUnchanged(fleet: Fleet, generation: GenerationId): void {
  fleet.announced = false
  fleet.effects.emit({ type: 'generation-unchanged', generation })
}

export function tellRefused(fleet: Fleet, refusal: Refusal, changed?: ChangedContent): void {
  fleet.announced = false
  fleet.effects.emit({ type: 'generation-refused', refusal, ...(changed !== undefined && { changed }) })
}

export function tellCut(
  fleet: Fleet,
  facts: Omit<Extract<ManagerEventBody, { type: 'generation-cut' }>, 'type'>,
): void {
  fleet.announced = false
  fleet.effects.emit({ type: 'generation-cut', ...facts })
}
