import { type Invocation, invocationSettings } from '../invocation.ts'
import { planServer, servePlan, talkAsAsked } from './serve.ts'

/** Runs the manager and its workers without a balancer: each worker is reached by its socket. */
export async function manager(invocation: Invocation): Promise<number> {
  talkAsAsked(invocation)
  const { settings } = await invocationSettings(invocation, 'production', invocation.line.words[0])
  return servePlan({ ...planServer(settings, 'production', invocation), listen: undefined }, invocation)
}
