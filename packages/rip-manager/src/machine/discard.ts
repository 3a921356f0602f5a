import type { Snapshot } from '../contract/ports.ts'
import type { Fleet } from './state.ts'

/** The snapshot of a generation that nothing can return to has no use. */
export function discardUnused(fleet: Fleet, snapshot: Snapshot): void {
  const { generation } = snapshot
  if (fleet.previous?.id === generation) return
  for (const group of fleet.groups) if (group.generation.id === generation) return
  fleet.routing.forget(generation)
  // The same content is being built again, into the same folder.
  if (fleet.rollout?.generationId === generation) return void (fleet.rollout.leftover = snapshot)
  fleet.effects.discard(snapshot)
}
