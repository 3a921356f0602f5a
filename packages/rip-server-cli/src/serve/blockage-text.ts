import type { Blockage, BlockedRequest, ProcessActivity } from '@rip/manager'
import { durationText } from '../terminal/quantity-text.ts'

/** More requests than these are counted and not named. */
const MAX_NAMED = 8

/** What the kernel calls a wait, and what an application calls to get there. */
const WAITS: readonly (readonly [RegExp, string])[] = [
  [/futex/, 'a lock, as of Atomics.wait'],
  [/nanosleep/, 'a sleep, as of Bun.sleepSync'],
  [/pipe_read|tty_read|n_tty/, 'a read from a pipe or terminal, as of readSync'],
  [/epoll|do_wait|do_poll/, 'another process, as of execSync'],
]

/** What the thread did while the event loop stood still, as the rest of a sentence. */
export function blockageText({ activity, requests }: Blockage): string {
  const culprit = requests.find(({ executing }) => executing)
  const inside = culprit === undefined ? '' : `, in ${culprit.method} ${culprit.path}`
  return `${activityText(activity)}${inside}`
}

function activityText(activity: ProcessActivity): string {
  switch (activity.kind) {
    case 'computing':
      return ', computing'
    case 'stopped':
      return ', stopped by a signal'
    case 'waiting':
      return `, waiting${waitText(activity.waitsIn)}`
    case 'unknown':
      return ''
  }
}

function waitText(waitsIn: string | undefined): string {
  if (waitsIn === undefined) return ''
  const known = WAITS.find(([pattern]) => pattern.test(waitsIn))
  return known === undefined ? ` in ${waitsIn}` : ` for ${known[1]} (${waitsIn})`
}

/** The requests that were under way, a line each. */
export function blockedRequestLines({ requests }: Blockage): readonly string[] {
  const lines = requests.slice(0, MAX_NAMED).map(requestLine)
  return requests.length > MAX_NAMED ? [...lines, `and ${requests.length - MAX_NAMED} more`] : lines
}

function requestLine({ method, path, id, ageMs, executing }: BlockedRequest): string {
  const named = id === undefined ? '' : ` (request ${id})`
  return `${executing ? 'executing' : 'awaiting '} ${method} ${path} for ${durationText(ageMs)}${named}`
}
