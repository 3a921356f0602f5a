import { DRAIN_POLL_MS, EARLY_END_MS, EVENT_STREAM_GRACE_MS } from '../defaults.ts'
import { setTimeout } from '../own-timers.ts'
import { pathOf } from '../pages/request-head.ts'
import type { WorkerMode } from '../protocol.ts'
import type { BackgroundTasks } from './background-tasks.ts'
import { Deadline } from './deadline.ts'
import type { EventStreams } from './event-streams.ts'
import type { Transport } from './transport.ts'
import type { WebSockets } from './web-sockets.ts'

/** Requests that are named in the log when they are cut off; further ones are only counted. */
const MAX_NAMED = 10

/** What has to come to its end before a worker is closed. */
export interface DrainParts {
  readonly webSockets: WebSockets
  readonly eventStreams: EventStreams
  readonly tasks: BackgroundTasks
  /** Requests that are not answered to the last byte. */
  readonly pending: () => number
  /** Those whose handler is at work. */
  readonly unanswered: () => readonly Request[]
  readonly mode: WorkerMode
  readonly log: (text: string) => void
}

/**
 * Takes nothing new, finishes what runs until the deadline, cuts off the rest.
 *
 * @returns how many requests and WebSockets were cut off
 */
export async function drain(transport: Transport, deadline: Deadline, parts: DrainParts): Promise<number> {
  const { webSockets, eventStreams, tasks, pending, log } = parts
  transport.stopAccepting()
  webSockets.restart()
  using _early = endConnectionsEarly(parts)
  await untilIdle(deadline, parts)
  if (eventStreams.size > 0) {
    eventStreams.endAll()
    await untilIdle(new Deadline(EVENT_STREAM_GRACE_MS), parts)
  }
  if (tasks.size > 0) log(`waitUntil tasks not done at the deadline: ${tasks.size}`)
  const abandoned = pending() + webSockets.size
  nameUnanswered(parts)
  webSockets.terminate()
  transport.abort()
  return abandoned
}

/** Ends streams early in development, so that a browser's streams connect to the next generation without delay. */
function endConnectionsEarly({ mode, eventStreams, webSockets }: DrainParts): Disposable {
  if (mode !== 'development') return { [Symbol.dispose]() {} }
  eventStreams.endAll()
  const timer = setTimeout(() => {
    eventStreams.endAll()
    webSockets.terminate()
  }, EARLY_END_MS)
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}

async function untilIdle(deadline: Deadline, { pending, webSockets, tasks }: DrainParts): Promise<void> {
  while (pending() + webSockets.size + tasks.size > 0 && !deadline.isOver) await Bun.sleep(DRAIN_POLL_MS)
}

/** Names the requests that are cut off, so that the operator can tell why. */
function nameUnanswered({ unanswered, log }: DrainParts): void {
  // A request whose client has left is not cut off.
  const waiting = unanswered().filter(({ signal }) => !signal.aborted)
  for (const request of waiting.slice(0, MAX_NAMED))
    log(`cut off at the deadline: ${request.method} ${pathOf(request)}`)
  if (waiting.length > MAX_NAMED) log(`cut off at the deadline: ${waiting.length - MAX_NAMED} more requests`)
}
