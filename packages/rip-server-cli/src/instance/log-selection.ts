import { Unacceptable } from '@rip/server/settings'
import type { readRecord } from '@rip/server/text'

type LogRecord = NonNullable<ReturnType<typeof readRecord>>

/** A line of the log; its record is absent when another release wrote it. */
export interface LogLine {
  readonly text: string
  readonly record: LogRecord | undefined
}

/** Which lines of a log are wanted: those that meet all that is given. */
export interface LogSelection {
  /** Milliseconds since the epoch. */
  readonly sinceMs?: number | undefined
  /** Names of processes, such as `w1`. */
  readonly names?: ReadonlySet<string> | undefined
  readonly pattern?: RegExp | undefined
}

/** Whether a line is wanted. What has no record was written at an unknown time, by an unknown process. */
export function selects({ sinceMs, names, pattern }: LogSelection, { text, record }: LogLine): boolean {
  if (record === undefined && (sinceMs !== undefined || names !== undefined)) return false
  if (record !== undefined && record.atMs < (sinceMs ?? 0)) return false
  if (record !== undefined && names?.has(record.name) === false) return false
  return pattern === undefined || pattern.test(Bun.stripANSI(record?.text ?? text))
}

/** The name of the process a word stands for: `1`, `w1` and `w1.4` all stand for worker 1. */
export function processName(word: string): string {
  const slot = /^w?(\d+)(?:\.\d+)?$/.exec(word)?.[1]
  return slot === undefined ? word : `w${Number(slot)}`
}

/**
 * The pattern of `--grep`; one without a capital letter matches letters of any case.
 *
 * @throws Unacceptable
 */
export function patternOf(text: string): RegExp {
  try {
    return new RegExp(text, /\p{Lu}/u.test(text.replaceAll(/\\./gs, '')) ? '' : 'i')
  } catch {
    throw new Unacceptable('a regular expression of JavaScript', RegExp.escape(text))
  }
}
