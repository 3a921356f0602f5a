import type { BackgroundPost, Fleet } from './state.ts'

/**
 * How long crashes speak against the code that serves: the observation window, from when it begins to work, which may
 * have to wait for the end of the previous code.
 */
export function beginTrial({ nowMs, config }: Fleet, post: BackgroundPost, isFirst: boolean): void {
  const { observe, drainTimeoutMs, killGraceMs } = config
  if (isFirst || observe === undefined || post.isUnfrozen) post.trialUntilMs = nowMs
  else post.trialUntilMs = nowMs + observe.windowMs + (post.hasWorked ? 0 : drainTimeoutMs + 2 * killGraceMs)
  post.trialEndMs = post.trialUntilMs + config.crash.perMs
}

/** It works: from now on the window counts. */
export function shortenTrial({ nowMs, config }: Fleet, post: BackgroundPost): void {
  const windowMs = config.observe?.windowMs ?? 0
  post.trialUntilMs = Math.min(post.trialUntilMs, nowMs + windowMs)
  post.trialEndMs = post.trialUntilMs + config.crash.perMs
}

/** It has crashed: whether it goes on doing so takes another window to see, but not for ever. */
export function prolongTrial({ nowMs, config }: Fleet, post: BackgroundPost): void {
  if (nowMs >= post.trialUntilMs || !post.hasWorked) return
  const windowMs = config.observe?.windowMs ?? 0
  post.trialUntilMs = Math.min(Math.max(post.trialUntilMs, nowMs + windowMs), post.trialEndMs)
}

/** The code that serves has yet to prove itself in the background. */
export function isOnTrial({ background, nowMs, config }: Fleet): boolean {
  return config.observe !== undefined && background.some(({ trialUntilMs }) => nowMs < trialUntilMs)
}
