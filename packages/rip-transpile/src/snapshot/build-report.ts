import { join } from 'node:path'
import type { Adapter } from '../adapter.ts'
import { cachedAdapter } from '../cache/cached-adapter.ts'
import { CompileCache } from '../cache/compile-cache.ts'
import { cacheFolder } from '../cache/cache-folder.ts'
import { selectAdapter } from '../select-adapter.ts'
import { type Belongings, buildSnapshot, type BuildSnapshotOptions, SnapshotError } from './build-snapshot.ts'
import { ownPeakBytes } from './peak-memory.ts'

export interface BuildRequest {
  readonly root: string
  readonly out: string
  readonly adapter?: string | undefined
  readonly generation?: string | undefined
  /** What belongs to the application, as paths relative to the root. @default every module below the root */
  readonly files?: readonly string[] | undefined
  /** See the fields of these names in `BuildSnapshotOptions`. */
  readonly entry?: string | undefined
  readonly entries?: readonly string[] | undefined
  readonly packages?: string | undefined
  readonly earlierPackages?: string | undefined
  readonly packagesUnchanged?: boolean | undefined
  /** Stands before the report in its line, and tells it from what a preload prints. @default none */
  readonly mark?: string | undefined
  /** How long the program lives on after its report, unless it is ended before. @default 0 */
  readonly lingerMs?: number | undefined
}

/** Why there is no snapshot; the same shape as a worker's boot failure. */
export interface BuildFailure {
  readonly kind: 'compile'
  readonly message: string
  readonly file?: string
  readonly line?: number
  readonly column?: number
  readonly frame?: string
}

export type BuildReport =
  | {
      readonly ok: true
      readonly snapshot: string
      /** Modules in the snapshot. */
      readonly files: number
      /** Modules compiled now. */
      readonly compiled: number
      /** Modules whose compiled code was in the cache. */
      readonly cached: number
      readonly tookMs: number
      readonly belongings: Belongings
      /** A sentence for each module that no other imports and that does not compile, with what is wrong. */
      readonly doubts: readonly string[]
      /** Memory the program took for itself at most. @default not known: only Linux says */
      readonly peakBytes?: number
    }
  | { readonly ok: false; readonly failure: BuildFailure; readonly belongings?: Belongings }

/** Fields of a request that say nothing about the snapshot. */
const NO_OPTIONS: ReadonlySet<string> = new Set(['mark', 'lingerMs'] satisfies (keyof BuildRequest)[])

/** Builds a snapshot and reports the result; never throws. @param later see `BuildSnapshotOptions` */
export async function buildReport(
  request: BuildRequest,
  later?: BuildSnapshotOptions['later'],
): Promise<BuildReport> {
  const startedMs = performance.now()
  const cached = cacheFolder()
  const cache = cached === undefined ? undefined : new CompileCache({ folder: cached })
  try {
    const given = Object.entries(request).filter(
      ([name, value]) => !NO_OPTIONS.has(name) && value !== undefined,
    )
    const built = await buildSnapshot({
      ...(Object.fromEntries(given) as BuildSnapshotOptions),
      ...(cached !== undefined && { packageIndex: join(cached, indexName(request.root)) }),
      adapterFor: adapters(request, cache),
      ...(later && { later }),
    })
    const hits = cache?.counts.hits ?? 0
    const compiled = Math.max(0, built.compiled - hits)
    const tookMs = Math.round(performance.now() - startedMs)
    const { files, belongings } = built
    const doubts = built.doubts.map(
      ({ filename, line, reason }) => `${filename}:${line} does not compile: ${reason}`,
    )
    const counts = { files, compiled, cached: hits, tookMs }
    return { ok: true, snapshot: request.out, ...counts, belongings, doubts, ...memory() }
  } catch (error) {
    const known = error instanceof SnapshotError ? { belongings: error.belongings } : {}
    return { ok: false, failure: toFailure(error), ...known }
  }
}

function memory(): { readonly peakBytes?: number } {
  const peakBytes = ownPeakBytes()
  return peakBytes === undefined ? {} : { peakBytes }
}

function indexName(root: string): string {
  return `packages-${new Bun.CryptoHasher('sha256').update(root).digest('hex').slice(0, 16)}`
}

function adapters(request: BuildRequest, cache: CompileCache | undefined): (extension: string) => Adapter {
  const byExtension = new Map<string, Adapter>()
  return (extension) => {
    const known = byExtension.get(extension)
    if (known) return known
    const name = extension === '.rip' ? request.adapter : undefined
    const adapter = selectAdapter({ name, root: request.root, extension })
    const chosen = cache ? cachedAdapter(adapter, cache) : adapter
    byExtension.set(extension, chosen)
    return chosen
  }
}

function toFailure(error: unknown): BuildFailure {
  if (!(error instanceof SnapshotError)) {
    return { kind: 'compile', message: error instanceof Error ? error.message : String(error) }
  }
  const [first, ...others] = error.errors
  if (!first) return { kind: 'compile', message: error.message }
  const { filename: file, line, column, frame, reason, hint } = first
  const rest = others.length > 0 ? ` (and ${others.length} more files do not compile)` : ''
  const advice = hint === undefined ? '' : `; ${asClause(hint)}`
  return { kind: 'compile', message: `${reason}${advice}${rest}`, file, line, column, frame }
}

/** A sentence as the end of another one. */
function asClause(sentence: string): string {
  return sentence.replace(/^[A-Z](?=[a-z]* )/, (letter) => letter.toLowerCase()).replace(/(?<!\.)\.$/, '')
}
