import { type Invocation, invocationSettings } from '../invocation.ts'
import { planServer, servePlan } from './serve.ts'

/** Runs the manager and its workers without a balancer: each worker is reached by its socket. */
export async function manager(invocation: Invocation): Promise<number> {
  const { settings } = await invocationSettings(invocation, 'production', invocation.line.words[0])
  return servePlan({ ...planServer(settings, 'production', invocation), listen: undefined }, invocation)
}
