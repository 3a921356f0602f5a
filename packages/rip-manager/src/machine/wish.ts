import type { CommandId } from './inputs.ts'

/** Reason of the reload that begins everything. */
export const START = 'start'

/**
 * A wish to serve the newest content on disk, by commands or by the watcher. It lasts from the moment it is made until a look
 * at the disk has answered it (`reading.ts`); what it asks for then goes on as a rollout, which takes over its members.
 */
export interface Wish {
  /** Commands that are answered with the outcome. */
  readonly commands: readonly CommandId[]
  readonly reason: string
  readonly sinceMs: number
  /** Wanted also without a command, as by the watcher. */
  readonly unasked: boolean
  /** The look is made to confirm that the disk still has what is about to be cut over to. */
  readonly confirms: boolean
  /** An event has told that a reload began, so that another one has to tell how it ended. */
  readonly begun: boolean
  /** The content failed so shortly after it was written that it may have been half-written: this is the second try. */
  readonly retried: boolean
  /** Content that was condemned is served as well. */
  readonly forced: boolean
  /** How often in a row a rollout ended because newer content was found on disk, by the watcher or just before the cut. */
  readonly outdated: number
}

/** What has to be said about a wish; everything else has a plain value. */
export type WishDraft = Pick<Wish, 'commands' | 'reason'> & Partial<Wish>

export function newWish(nowMs: number, draft: WishDraft): Wish {
  const plain = { unasked: false, confirms: false, begun: false, retried: false, forced: false, outdated: 0 }
  return { sinceMs: nowMs, ...plain, ...draft }
}

/** Two wishes that one look at the disk can answer. */
export function merge(into: Wish | undefined, wish: Wish): Wish {
  if (into === undefined) return wish
  return {
    commands: [...into.commands, ...wish.commands],
    reason: into.commands.length > 0 ? into.reason : wish.reason,
    sinceMs: into.sinceMs,
    unasked: into.unasked || wish.unasked,
    confirms: into.confirms || wish.confirms,
    begun: into.begun || wish.begun,
    retried: into.retried || wish.retried,
    forced: into.forced || wish.forced,
    outdated: Math.max(into.outdated, wish.outdated),
  }
}

/** No caller waits for an answer, and no event has announced anything. */
export function isSilent({ commands, begun }: Wish): boolean {
  return commands.length === 0 && !begun
}

/** No command, no watcher and no rollout wants the look any more. */
export function isUnwanted({ commands, unasked, confirms }: Wish): boolean {
  return commands.length === 0 && !unasked && !confirms
}

/** The same wish without a command whose caller has stopped waiting. */
export function without(wish: Wish, command: CommandId): Wish {
  return { ...wish, commands: wish.commands.filter((other) => other !== command) }
}
