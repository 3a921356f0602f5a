import { BalancerError } from '../src/index.ts'

/** The error of a call that must fail. */
export async function thrown(run: () => unknown): Promise<BalancerError> {
  try {
    await run()
  } catch (error) {
    if (error instanceof BalancerError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
