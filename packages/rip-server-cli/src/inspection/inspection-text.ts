import { nearPath } from '@rip/server/text'
import { bytesText, durationText } from '../terminal/quantity-text.ts'
import { requestsTable } from '../terminal/request-tables.ts'
import { table } from '../terminal/table.ts'
import type { Inspection } from './inspection.ts'
import { type GrownHolder, isCollection } from './memory-growth.ts'

/** A second without a word may be a busy machine. */
const SILENT_MS = 3_000
/** A blocked process that uses less waits, for a file or another program, say. */
const COMPUTING_SHARE = 0.05

/** What was found out, as text: only the parts that are given. @param cwd the folder that paths are shown from */
export function inspectionLines(
  { process, requests, processor, cpu, memory }: Partial<Inspection>,
  cwd: string,
): string[] {
  return [
    ...(process === undefined ? [] : processLines(process, processor)),
    ...(requests === undefined || requests.length === 0 ? [] : ['', ...requestsTable(requests)]),
    ...(cpu === undefined ? [] : ['', ...cpuLines(cpu, cwd)]),
    ...(memory === undefined ? [] : ['', ...memoryLines(memory)]),
  ]
}

function processLines(process: Inspection['process'], processor: number | undefined): string[] {
  const { pid, state, generation, rssBytes, loopLagMs, sinceMs } = process
  const name = 'slot' in process ? `worker w${process.slot}.${process.incarnation}` : process.name
  const since = sinceMs === null ? '' : ` for ${durationText(Math.max(0, Date.now() - sinceMs))}`
  return table([
    ['process', `${name}, process ${pid}`],
    ['state', `${state}${since}`],
    ['code', generation ?? 'none'],
    ...('slot' in process
      ? [['requests', `${process.requests} answered or under way, ${process.inFlight} in flight`]]
      : []),
    ...(processor === undefined ? [] : [['processor', `${Math.round(processor * 100)} % of one`]]),
    ['memory', bytesText(rssBytes)],
    ['event loop', loopText(loopLagMs, processor)],
  ])
}

function loopText(loopLagMs: number, processor: number | undefined): string {
  if (loopLagMs < SILENT_MS) return `at most ${durationText(loopLagMs)} late in the last second`
  const does =
    processor !== undefined && processor < COMPUTING_SHARE ? 'it waits for something' : 'it computes'
  return `blocked for ${durationText(loopLagMs)}: ${does}. After 10 s the worker is replaced, and its log says at which line it was`
}

function cpuLines(
  { samples, tookMs, functions, file, processor }: NonNullable<Inspection['cpu']>,
  cwd: string,
): string[] {
  const used = processor === undefined ? '' : `, ${Math.round(processor * 100)} % of a processor at its end`
  const rows = functions.map((each) => [
    `${Math.round(each.share * 100)} %`,
    each.name,
    `${nearPath(each.file, cwd)}:${each.line}`,
    each.mostly === undefined ? '' : `mostly in ${each.mostly}`,
  ])
  return [
    `profile of ${durationText(tookMs)}, ${samples} samples${used}`,
    ...(rows.length === 0
      ? ['no function took any time: the process waits']
      : table([['time', 'function', 'where', ''], ...rows])),
    ...written(file, 'Performance'),
  ]
}

function memoryLines(memory: NonNullable<Inspection['memory']>): string[] {
  const { figures, grownBytes, grownObjects, overMs, file } = memory
  const { heapBytes, outsideBytes, objects } = figures
  const growth =
    overMs === undefined
      ? ''
      : `; ${signed(grownObjects)} objects, ${signedBytes(grownBytes)} in ${durationText(overMs)}`
  return [
    `${objects} objects, ${bytesText(heapBytes)}, of which ${bytesText(outsideBytes)} outside the heap, as in buffers${growth}`,
    ...classLines(memory),
    ...holderLines(memory),
    ...written(file, 'Memory'),
  ]
}

function classLines({ classes, overMs }: NonNullable<Inspection['memory']>): string[] {
  if (classes.length === 0) return ['nothing grew']
  const head = [overMs === undefined ? 'largest' : 'grew most', 'objects', 'more', 'bytes', 'more']
  const rows = classes.map(({ name, count, grown, bytes, grownBytes }) => [
    name,
    String(count),
    overMs === undefined ? '' : signed(grown),
    bytesText(bytes),
    overMs === undefined ? '' : signedBytes(grownBytes),
  ])
  return ['', ...table([head, ...rows])]
}

function holderLines({ holders, overMs }: NonNullable<Inspection['memory']>): string[] {
  if (holders.length === 0) return []
  const rows = holders.map((each) => [
    each.path,
    each.kind,
    entriesText(each),
    overMs === undefined ? '' : each.mayHaveGrown ? 'within it' : signed(each.grown),
    bytesText(each.bytes),
    each.declared ?? '',
  ])
  return ['', ...table([['held by', '', 'entries', 'more', 'bytes', 'declared'], ...rows])]
}

function entriesText(holder: GrownHolder): string {
  return isCollection(holder) ? `room for ${holder.entries}` : String(holder.entries)
}

function written(file: string | undefined, panel: string): string[] {
  return file === undefined ? [] : [`written to ${file}; Chrome opens it in DevTools, ${panel}`]
}

const signed = (count: number): string => (count > 0 ? `+${count}` : String(count))

const signedBytes = (bytes: number): string => (bytes < 0 ? `-${bytesText(-bytes)}` : `+${bytesText(bytes)}`)
