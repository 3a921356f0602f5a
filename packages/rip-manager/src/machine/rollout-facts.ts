import type { ChangedContent, RolloutFacts } from '../contract/events.ts'
import type { TreeState } from '../contract/ports.ts'
import type { Rollout } from './state.ts'

/** As many paths as a line or a page can name. */
const MAX_PATHS = 20

/** What content changes that is to take the place of other content; undefined when one of them is not known, or nothing does. */
export function changedFrom(
  before: TreeState | undefined,
  now: TreeState | undefined,
): ChangedContent | undefined {
  if (before === undefined || now === undefined) return undefined
  const all = new Set([...now.files.keys(), ...before.files.keys()])
  const paths = [...all].filter((path) => before.files.get(path) !== now.files.get(path))
  return paths.length === 0 ? undefined : { paths: paths.slice(0, MAX_PATHS), count: paths.length }
}

/** How the content of a rollout has come to where it is. */
export function factsOf({ changed, begunMs, builtMs, readyMs, group }: Rollout): RolloutFacts {
  const modules = group?.generation.snapshot.modules
  return {
    ...(changed !== undefined && { changed }),
    ...(builtMs !== undefined && { buildMs: builtMs - begunMs }),
    ...(builtMs !== undefined && readyMs !== undefined && { bootMs: readyMs - builtMs }),
    ...(builtMs !== undefined && modules !== undefined && { modules }),
  }
}
