import type { Snapshot } from '../contract/ports.ts'
import type { Fleet } from './state.ts'

/** Discards the snapshot of a generation, unless it serves, is on its way, or can be returned to. */
export function discardUnused(fleet: Fleet, snapshot: Snapshot): void {
  const { generation } = snapshot
  if (fleet.previous?.id === generation || fleet.earlier?.id === generation) return
  for (const group of fleet.groups) if (group.generation.id === generation) return
  fleet.routing.forget(generation)
  // The same content is being built again, into the same folder.
  if (fleet.rollout?.generationId === generation) return void (fleet.rollout.leftover = snapshot)
  fleet.effects.discard(snapshot)
}
