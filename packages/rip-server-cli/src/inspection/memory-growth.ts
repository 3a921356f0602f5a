import type { Declarations } from './find-declaration.ts'
import type { ClassFigures, HeapSummary, Holder } from './heap-summary.ts'

/** Memory of a process, as it says itself. */
export interface MemoryFigures {
  readonly rssBytes: number
  readonly heapBytes: number
  readonly outsideBytes: number
  readonly objects: number
  readonly types: Readonly<Record<string, number>>
}

/** @throws TypeError, SyntaxError when they are none */
export function memoryFigures(bytes: Uint8Array): MemoryFigures {
  const { rssBytes, heapBytes, outsideBytes, objects, types } = JSON.parse(
    new TextDecoder().decode(bytes),
  ) as MemoryFigures
  if (![rssBytes, heapBytes, outsideBytes, objects, ...Object.values(types)].every(Number.isFinite))
    throw new TypeError('not a number')
  return { rssBytes, heapBytes, outsideBytes, objects, types }
}

/** What was seen of a process's memory at one moment. */
export interface MemoryLooks {
  readonly figures: MemoryFigures
  /** Absent where it would be too large. */
  readonly heap: HeapSummary | undefined
}

/** Objects of a class, and how many more there are than at the first look. */
export interface GrownClass extends ClassFigures {
  readonly grown: number
  readonly grownBytes: number
}

/** Something that holds many objects, where it is declared, and how many more it holds than at the first look. */
export interface GrownHolder extends Omit<Holder, 'neighbours'> {
  readonly grown: number
  /** A Map or Set that may have grown: there is more in such, and this one still had room. */
  readonly mayHaveGrown: boolean
  /** Such as `app.ts:3`. */
  readonly declared: string | undefined
}

export interface MemoryGrowth {
  readonly figures: MemoryFigures
  /** Bytes that came to the heap, buffers included, between the looks. */
  readonly grownBytes: number
  readonly grownObjects: number
  /** What grew most; with one look what is largest. */
  readonly classes: readonly GrownClass[]
  readonly holders: readonly GrownHolder[]
}

const MAX_CLASSES = 10
const MAX_HOLDERS = 6
const MAX_COLLECTIONS = 3
const FEWEST_GROWN = 10
const LEAST_GROWN_BYTES = 65_536

/** Compares two looks; without the first, tells what is largest. */
export function memoryGrowth(
  before: MemoryLooks | undefined,
  after: MemoryLooks,
  declarations: Pick<Declarations, 'find'>,
): MemoryGrowth {
  const { figures } = after
  return {
    figures,
    grownBytes: before === undefined ? 0 : figures.heapBytes - before.figures.heapBytes,
    grownObjects: before === undefined ? 0 : figures.objects - before.figures.objects,
    classes: classesOf(before, after),
    holders: holdersOf(before?.heap, after.heap).map(({ neighbours, ...holder }) => ({
      ...holder,
      declared: declarations.find(variableOf(holder.path), neighbours),
    })),
  }
}

function classesOf(before: MemoryLooks | undefined, after: MemoryLooks): GrownClass[] {
  const known = new Map(classFigures(before).map((each) => [each.name, each]))
  const classes = classFigures(after).map((each) => {
    const { count = before === undefined ? each.count : 0, bytes = before === undefined ? each.bytes : 0 } =
      known.get(each.name) ?? {}
    return { ...each, grown: each.count - count, grownBytes: each.bytes - bytes }
  })
  if (before === undefined) return classes.slice(0, MAX_CLASSES)
  return classes
    .filter(({ grown, grownBytes, name }) => isGrowth(grown, grownBytes) && name !== '(engine)')
    .toSorted((a, b) => b.grownBytes - a.grownBytes || b.grown - a.grown)
    .slice(0, MAX_CLASSES)
}

/** A few new objects are no leak, unless they are large. */
function isGrowth(grown: number, grownBytes: number): boolean {
  return grown >= FEWEST_GROWN || grownBytes >= LEAST_GROWN_BYTES
}

/** By type alone, without bytes, where no snapshot was taken. */
function classFigures(look: MemoryLooks | undefined): readonly ClassFigures[] {
  if (look === undefined) return []
  if (look.heap !== undefined) return look.heap.classes
  return Object.entries(look.figures.types).map(([name, count]) => ({ name, count, bytes: 0 }))
}

function holdersOf(before: HeapSummary | undefined, after: HeapSummary | undefined) {
  const known = new Map((before?.holders ?? []).map((each) => [keyOf(each), each.entries]))
  const isFirst = before === undefined
  const holders = (after?.holders ?? []).map((each) => ({
    ...each,
    grown: isFirst ? 0 : each.entries - (known.get(keyOf(each)) ?? 0),
    mayHaveGrown: false,
  }))
  if (isFirst) return holders.toSorted((a, b) => b.bytes - a.bytes).slice(0, MAX_HOLDERS)
  const grown = holders
    .filter((each) => each.grown > 0)
    .toSorted((a, b) => b.grown - a.grown)
    .slice(0, MAX_HOLDERS)
  const filled = (after?.inCollections ?? 0) - before.inCollections >= FEWEST_GROWN
  const roomy = filled ? holders.filter((each) => isCollection(each) && each.grown === 0) : []
  return [...grown, ...roomy.slice(0, MAX_COLLECTIONS).map((each) => ({ ...each, mayHaveGrown: true }))]
}

/** Of which the engine tells only the room. */
export function isCollection({ kind }: Pick<Holder, 'kind'>): boolean {
  return kind === 'Map' || kind === 'Set'
}

const keyOf = ({ path, kind }: Holder): string => `${kind} ${path}`

function variableOf(path: string): string {
  return /^(?:globalThis\.)?([\w$]+)/.exec(path)?.[1] ?? path
}
