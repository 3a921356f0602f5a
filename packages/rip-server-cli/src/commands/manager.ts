import { type Invocation, invocationSettings } from '../invocation.ts'
import { rereadingPlan, servePlan, talkAsAsked } from './serve.ts'

/** Runs the manager and its workers without a balancer: each worker is reached by its socket. */
export async function manager(invocation: Invocation): Promise<number> {
  talkAsAsked(invocation)
  const resolved = await invocationSettings(invocation, 'production', invocation.line.words[0])
  return servePlan({ ...rereadingPlan(resolved, 'production', invocation), listen: undefined }, invocation)
}
