import type { Fleet } from './state.ts'

/** What serves, and has not been found wanting for as long as it was observed, is kept to stand in for condemned content. */
export function keepGood({ serving, verdicts, observation, rollout, state, background }: Fleet): void {
  if (state !== 'running' || serving === undefined || observation !== undefined) return
  if (rollout?.kind === 'rollback' || background.some(({ hasWorked }) => !hasWorked)) return
  verdicts.keep(serving.generation)
}

export function onKept({ verdicts, serving, effects }: Fleet, token: number, error: Error | undefined): void {
  const isNews = verdicts.onKept(token, error)
  // Of a generation that has left meanwhile no copy is wanted.
  if (!isNews || error === undefined || serving === undefined) return
  const message = `no copy of the code that serves can be kept: ${error.message}; the next start serves what is on disk`
  effects.emit({ type: 'warning', message })
}
