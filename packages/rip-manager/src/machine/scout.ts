import type { TreeState } from '../contract/ports.ts'
import { newerContent, nextChange } from './newer-content.ts'
import { isCutting } from './rollout-end.ts'
import type { Fleet, Rollout } from './state.ts'
import type { KeptGeneration, Verdict } from '../contract/verdict.ts'
import { isSilent, type Wish } from './wish.ts'

/** What is to be done about the content that was found on disk. */
export type Decision =
  /** Something under way ends first; then the disk is looked at again. */
  | { readonly type: 'later' }
  /** The content is on its way already. */
  | { readonly type: 'join'; readonly rollout: Rollout }
  /** What is on its way may serve although the disk has something else. */
  | { readonly type: 'go-on'; readonly rollout: Rollout; readonly warning: string | undefined }
  /** The content was refused before and no operator asked for it again. What was to be confirmed by it has to end. */
  | { readonly type: 'quarantined'; readonly supersedes: string | undefined }
  /** The content is not to serve again, and no operator insists. What was to be confirmed by it has to end. */
  | { readonly type: 'condemned'; readonly verdict: Verdict; readonly supersedes: string | undefined }
  /** The content is not to serve again, but nothing serves yet: the last good generation does, if there is a copy. */
  | {
      readonly type: 'stand-in'
      readonly verdict: Verdict
      readonly good: KeptGeneration | undefined
      readonly supersedes: string | undefined
    }
  /** Reloads are held. */
  | { readonly type: 'held' }
  /** The content serves. */
  | { readonly type: 'unchanged'; readonly supersedes: string | undefined }
  /** The content is new. */
  | { readonly type: 'begin'; readonly supersedes: string | undefined }

/** So often newer content takes the place of what was about to serve; then that serves first. */
const MAX_OUTDATED = 2
/** So often saved content takes the place of what is being built or booted; then that serves first, however fast files are written. */
const MAX_OVERTAKEN = 5

/** Changes nothing: the machine acts on what is returned. */
export function decide(fleet: Fleet, tree: TreeState, wish: Wish): Decision {
  const { rollout, serving } = fleet
  if (mustWait(fleet, wish)) return { type: 'later' }
  if (rollout?.generationId === tree.generation) return { type: 'join', rollout }
  if (rollout !== undefined && mayGoOn(rollout, tree, wish))
    return { type: 'go-on', rollout, warning: wish.confirms ? warningOf(rollout, tree) : undefined }
  const supersedes = rollout === undefined ? undefined : newerContent(rollout, tree)
  const verdict = wish.forced ? undefined : fleet.verdicts.on(tree.generation)
  if (verdict !== undefined && serving === undefined) return standIn(fleet, verdict, supersedes)
  const isHeld = fleet.held && fleet.state === 'running'
  // An operator is not told to insist on what would be refused all the same.
  if (isHeld && !isSilent(wish)) return { type: 'held' }
  if (verdict !== undefined && serving?.generation.id !== tree.generation)
    return { type: 'condemned', verdict, supersedes: wish.confirms ? supersedes : undefined }
  if (isSilent(wish) && fleet.refusals.isQuarantined(tree.generation))
    return { type: 'quarantined', supersedes: wish.confirms ? supersedes : undefined }
  if (isHeld) return { type: 'held' }
  if (serving?.generation.id === tree.generation) return { type: 'unchanged', supersedes }
  return { type: 'begin', supersedes }
}

function standIn({ verdicts, rollout }: Fleet, verdict: Verdict, supersedes: string | undefined): Decision {
  const { good } = verdicts
  if (rollout !== undefined && rollout.kind === 'stand-in') return { type: 'join', rollout }
  return { type: 'stand-in', verdict, good, supersedes }
}

/**
 * Whether nothing else may begin for the wish before what is under way has ended: an ordered switch, or the way back
 * from a bad generation. The way back that an operator asked for ends early only for another operator: what it
 * returns from is not condemned before it has ended, so the watcher would bring that into service again.
 */
export function mustWait(fleet: Fleet, { commands }: Wish): boolean {
  const { rollout } = fleet
  return isCutting(fleet) || (rollout?.kind === 'rollback' && (rollout.unasked || commands.length === 0))
}

/** Whether what is on its way may serve though the disk has something else that no operator asked for. */
function mayGoOn(rollout: Rollout, tree: TreeState, wish: Wish): boolean {
  if (wish.commands.length > 0 || wish.begun) return false
  if (rollout.outdated >= (wish.confirms ? MAX_OUTDATED : MAX_OVERTAKEN)) return true
  return rollout.group !== undefined && nextChange(rollout, tree) === undefined
}

/** Only data changed that nothing imports, or the code changes faster than it can be served. */
function warningOf(rollout: Rollout, tree: TreeState): string | undefined {
  const changed = nextChange(rollout, tree)
  if (changed === undefined) return undefined
  return (
    `${changed} changed again and again while generation ${rollout.generationId} was on its way: ` +
    'it serves as it was built; move what the application writes out of its folder'
  )
}
