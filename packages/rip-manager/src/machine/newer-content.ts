import type { TreeState } from '../contract/ports.ts'
import type { Rollout } from './state.ts'

/**
 * Path of what is another in the content than when the rollout's code was built from it; undefined when only data
 * changed that no module imports.
 */
export function nextChange({ group, tree }: Rollout, now: TreeState): string | undefined {
  const snapshot = group?.generation.snapshot
  if (snapshot?.changedIn !== undefined) return snapshot.changedIn(now)
  return firstDifference(tree, now) ?? 'the content'
}

/** Why something newer takes the place of the rollout. */
export function newerContent(rollout: Rollout, now: TreeState): string {
  const path = rollout.group?.generation.snapshot.changedIn?.(now) ?? firstDifference(rollout.tree, now)
  return path === undefined ? 'newer content is on disk' : `newer content is on disk: ${path} changed`
}

function firstDifference(before: TreeState | undefined, now: TreeState): string | undefined {
  if (before === undefined) return undefined
  const paths = new Set([...before.files.keys(), ...now.files.keys()])
  return [...paths].find((path) => before.files.get(path) !== now.files.get(path))
}
