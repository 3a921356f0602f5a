import { BalancerError } from '../errors.ts'
import type { BalancerConfig } from './config.ts'

/** What needs a restart. */
const FIXED = ['admin', 'metrics', 'pool'] as const satisfies readonly (keyof BalancerConfig)[]

/**
 * @param also what needs a restart besides
 * @throws `CONFIG_INVALID` when a configuration changes what needs a restart
 */
export function refuseFixed(
  before: BalancerConfig,
  after: BalancerConfig,
  also: readonly (keyof BalancerConfig)[] = [],
): void {
  const changed = [...also, ...FIXED].filter((key) => !Bun.deepEquals(before[key], after[key], true))
  const problems = changed.map((key) => `${key}: cannot change while running; restart the balancer`)
  if (problems.length > 0) throw new BalancerError('CONFIG_INVALID', { problems })
}
