import { durationMs, Unacceptable } from '@rip/server/settings'

const EXPECTED = 'how long ago, such as 10m, or a time, such as 14:30 or 2026-05-04T14:30'
const DAY_MS = 86_400_000

/**
 * The moment of `--since`, in milliseconds since the epoch: `10m`, `10m ago`, `14:30`, `today`, `yesterday`, or a date,
 * with or without a time of day; local time unless it says otherwise.
 *
 * @throws Unacceptable
 */
export function momentOf(text: string, nowMs: number): number {
  const moment = midnightOf(text, nowMs) ?? timeOfDay(text, nowMs) ?? dateOf(text) ?? agoOf(text, nowMs)
  if (moment <= nowMs) return moment
  throw new Unacceptable('a time that is not in the future')
}

function midnightOf(text: string, nowMs: number): number | undefined {
  if (text === 'today') return new Date(nowMs).setHours(0, 0, 0, 0)
  // A day may have 23 or 25 hours.
  return text === 'yesterday'
    ? new Date(midnightOf('today', nowMs)! - DAY_MS / 2).setHours(0, 0, 0, 0)
    : undefined
}

function timeOfDay(text: string, nowMs: number): number | undefined {
  const match = /^(\d{1,2}):(\d\d)(?::(\d\d))?$/.exec(text)
  if (match === null) return undefined
  const [hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0))
  if (hours > 23 || minutes > 59 || seconds > 59) throw new Unacceptable(EXPECTED)
  return new Date(nowMs).setHours(hours, minutes, seconds, 0)
}

function dateOf(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return undefined
  // A date alone would be one of UTC.
  const moment = new Date(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00` : text.replace(' ', 'T')).getTime()
  if (Number.isNaN(moment)) throw new Unacceptable(EXPECTED)
  return moment
}

function agoOf(text: string, nowMs: number): number {
  try {
    return nowMs - durationMs(text.replace(/ ago$/, ''))
  } catch (error) {
    throw error instanceof Unacceptable ? new Unacceptable(EXPECTED, error.meant) : error
  }
}
