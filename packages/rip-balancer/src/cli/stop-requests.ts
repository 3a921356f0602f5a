import type { ProgramIo } from './program-io.ts'
import { parentPipe, type ParentOrders } from './parent-pipe.ts'

/**
 * The parent of the program may pass on a signal that the whole process group got (`bun run`, `npm run`): signals
 * so close together are one request.
 */
const SAME_REQUEST_MS = 250

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const
/** What else a parent may understand; unheard of, they would end or stop this process. */
const PARENT_SIGNALS = ['SIGUSR2', 'SIGTTIN', 'SIGTTOU'] as const

/** Whether a parent alone says when to stop, and asks on the admin socket for what it wants to know. */
export function isOrdered({ env }: Pick<ProgramIo, 'env'>): boolean {
  return env['RIP_PARENT_STOPS'] === '1' && env['RIP_PARENT_FD'] !== undefined
}

/**
 * Follows all who may ask the program to stop. With `RIP_PARENT_STOPS=1` that is the parent alone: a signal to stop
 * that reaches every process, as systemd and terminals send it, is the parent's to answer.
 */
export function stopRequests(io: ProgramIo, orders: ParentOrders): Disposable {
  const parentStops = isOrdered(io)
  let askedAtMs: number | undefined
  const onSignal = (): void => {
    if (parentStops) return
    if (askedAtMs === undefined) {
      askedAtMs = performance.now()
      return orders.leave()
    }
    if (performance.now() - askedAtMs >= SAME_REQUEST_MS) orders.now()
  }
  const stack = new DisposableStack()
  for (const signal of STOP_SIGNALS) stack.use(io.onSignal(signal, onSignal))
  if (parentStops) for (const signal of PARENT_SIGNALS) stack.use(io.onSignal(signal, () => {}))
  stack.use(parentPipe(io.env['RIP_PARENT_FD'], orders))
  return stack
}
