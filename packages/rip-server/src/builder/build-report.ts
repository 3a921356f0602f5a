import { readBootFailure } from '@rip/manager'
import type { BootFailure } from '@rip/worker/protocol'

/** The builder program's last output. */
export type BuildReport =
  | {
      readonly ok: true
      readonly belongings: Belongings
      readonly doubts: readonly string[]
      /** Memory the program took for itself at most. @default not known */
      readonly peakBytes?: number
    }
  | { readonly ok: false; readonly failure: BootFailure; readonly belongings?: Belongings }

/** What belongs to the application: files by path, and the folder of a set of files in `node_modules`. */
export interface Belongings {
  readonly files: readonly string[]
  readonly packages?: string
}

/**
 * Finds the report in a builder's output, after the mark that the builder was given, because a preload of the
 * application may print as well. Checks each field, because code of the application ran in that process.
 *
 * @returns `undefined` when there is no report: the program died before it could write one
 */
export function readBuildReport(stdout: string, mark: string): BuildReport | undefined {
  const line = stdout.split('\n').findLast((each) => each.startsWith(mark))
  const value = line === undefined ? undefined : parsed(line.slice(mark.length))
  if (!isRecord(value)) return undefined
  const belongings = readBelongings(value['belongings'])
  if (value['ok'] !== true) return refusalOf(value['failure'], belongings)
  const { doubts, peakBytes } = value
  if (belongings === undefined || !isTexts(doubts)) return undefined
  return { ok: true, belongings, doubts, ...(isSize(peakBytes) && { peakBytes }) }
}

function refusalOf(value: unknown, belongings: Belongings | undefined): BuildReport | undefined {
  const failure = readBootFailure(value)
  if (failure === undefined) return undefined
  return { ok: false, failure, ...(belongings !== undefined && { belongings }) }
}

function readBelongings(value: unknown): Belongings | undefined {
  if (!isRecord(value) || !isTexts(value['files'])) return undefined
  const { files, packages } = value
  return { files, ...(typeof packages === 'string' && { packages }) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    // The report was cut off, or other text begins with the mark.
    return undefined
  }
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
