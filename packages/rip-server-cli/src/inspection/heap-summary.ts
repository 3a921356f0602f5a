import { HeapGraph, type Edge } from './heap-graph.ts'

/** Objects of one class. */
export interface ClassFigures {
  readonly name: string
  readonly count: number
  /** Without what they refer to. */
  readonly bytes: number
}

/** Something that holds many objects. */
export interface Holder {
  /** How code reaches it, such as `cache.#items`. */
  readonly path: string
  /** Such as `Array` or `Map`. */
  readonly kind: string
  /** What it holds; of a Map or Set how many it has room for, because the engine does not tell how many there are. */
  readonly entries: number
  /** It and what it refers to; of a Map or Set without its contents. */
  readonly bytes: number
  /** Names of the variables beside the one the path begins with: they tell which module it is in. */
  readonly neighbours: readonly string[]
}

/** What a heap consists of. */
export interface HeapSummary {
  readonly objects: number
  readonly bytes: number
  /** Objects and texts that only Maps and Sets hold. */
  readonly inCollections: number
  /** The one with the most bytes first. */
  readonly classes: readonly ClassFigures[]
  /** The one with the most entries first. */
  readonly holders: readonly Holder[]
}

const MAX_CLASSES = 100
const MAX_HOLDERS = 100
/** Whatever holds fewer is no leak yet. */
const FEWEST_ENTRIES = 50
/** Slots of their storage take so many bytes. */
const SLOT_BYTES: Readonly<Record<string, number>> = { Map: 40, Set: 32 }
const MAX_DEPTH = 12
/** What is counted for one holder, so that a large heap takes no minutes. */
const MAX_COUNTED = 200_000

const ENGINE: ReadonlySet<string> = new Set(['hidden', 'code', 'object shape', 'synthetic', 'symbol'])
const MODULE = 'system / JSModuleEnvironment'
const SCOPE = 'system / JSLexicalEnvironment'
const GLOBAL = 'GlobalObject'
/** Parts of what the runtime itself is made of. */
const OWN_PARTS: ReadonlySet<string | number> = new Set(['prototype', 'constructor', '__proto__'])

/** What a snapshot of the heap consists of. @throws TypeError, SyntaxError when it is no snapshot */
export function heapSummary(bytes: Uint8Array): HeapSummary {
  const graph = new HeapGraph(bytes)
  const classes = classesIn(graph)
  let inCollections = 0
  let total = 0
  for (let node = 0; node < graph.size; node++) {
    total += graph.bytesOf(node)
    if (graph.inDegree(node) === 0 && !ENGINE.has(graph.typeOf(node))) inCollections++
  }
  return { objects: graph.size, bytes: total, inCollections, classes, holders: holdersIn(graph) }
}

function classesIn(graph: HeapGraph): ClassFigures[] {
  const figures = new Map<string, { count: number; bytes: number }>()
  for (let node = 0; node < graph.size; node++) {
    const name = className(graph, node)
    const entry = figures.get(name) ?? { count: 0, bytes: 0 }
    entry.count++
    entry.bytes += graph.bytesOf(node)
    figures.set(name, entry)
  }
  return [...figures]
    .map(([name, entry]) => ({ name, ...entry }))
    .toSorted((a, b) => b.bytes - a.bytes)
    .slice(0, MAX_CLASSES)
}

function className(graph: HeapGraph, node: number): string {
  const type = graph.typeOf(node)
  if (type.endsWith('string')) return '(text)'
  if (ENGINE.has(type)) return '(engine)'
  if (type === 'closure') return '(function)'
  const name = graph.nameOf(node)
  return name === SCOPE || name === MODULE ? '(variables of functions)' : name
}

function holdersIn(graph: HeapGraph): Holder[] {
  const candidates: { readonly node: number; readonly entries: number }[] = []
  for (let node = 0; node < graph.size; node++) {
    const entries = entriesOf(graph, node)
    if (entries >= FEWEST_ENTRIES) candidates.push({ node, entries })
  }
  return candidates
    .toSorted((a, b) => b.entries - a.entries)
    .slice(0, MAX_HOLDERS)
    .flatMap(({ node, entries }) => {
      const found = pathTo(graph, node)
      return found === undefined
        ? []
        : [{ kind: graph.nameOf(node), entries, bytes: bytesBelow(graph, node), ...found }]
    })
}

function entriesOf(graph: HeapGraph, node: number): number {
  if (ENGINE.has(graph.typeOf(node)) || graph.typeOf(node) === 'closure') return 0
  const name = graph.nameOf(node)
  if (name === GLOBAL || name === MODULE || name === SCOPE) return 0
  const slotBytes = SLOT_BYTES[name]
  if (slotBytes === undefined) return graph.outDegree(node) - 1
  return Math.floor(storageBytes(graph, node) / slotBytes)
}

function storageBytes(graph: HeapGraph, node: number): number {
  let bytes = 0
  for (const { to } of graph.outgoing(node))
    if (graph.typeOf(to) === 'hidden') bytes = Math.max(bytes, graph.bytesOf(to))
  return bytes
}

/** How code reaches an object; `undefined` for what only the runtime does. */
function pathTo(graph: HeapGraph, node: number): Pick<Holder, 'path' | 'neighbours'> | undefined {
  const seen = new Set([node])
  let path = ''
  let at = node
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const edge = nearest(graph, at, seen)
    if (edge === undefined) return undefined
    const { type, name, from } = edge
    if (OWN_PARTS.has(name)) return undefined
    if (type === 'context' && graph.nameOf(from) !== GLOBAL)
      return { path: `${name}${path}`, neighbours: variablesOf(graph, from) }
    if (graph.nameOf(from) === GLOBAL) return { path: `globalThis.${name}${path}`, neighbours: [] }
    if (type === 'property') path = `.${name}${path}`
    if (type === 'element') path = `[]${path}`
    seen.add(from)
    at = from
  }
  return undefined
}

const RANK: Readonly<Record<Edge['type'], number>> = { context: 3, property: 2, element: 1, internal: 0 }

/** The way to an object that says most. */
function nearest(graph: HeapGraph, node: number, seen: ReadonlySet<number>): Edge | undefined {
  let best: Edge | undefined
  let looked = 0
  for (const edge of graph.incoming(node)) {
    if (looked++ > 1_000) break
    if (seen.has(edge.from) || graph.typeOf(edge.from) === 'code') continue
    if (edge.type === 'internal' && graph.typeOf(edge.from) !== 'object') continue
    if (best === undefined || RANK[edge.type] > RANK[best.type]) best = edge
  }
  return best
}

function variablesOf(graph: HeapGraph, scope: number): string[] {
  return [...graph.outgoing(scope)].flatMap(({ type, name }) => (type === 'context' ? [String(name)] : []))
}

/** It and what it refers to, without variables and code, which it shares with others. */
function bytesBelow(graph: HeapGraph, node: number): number {
  const seen = new Set([node])
  let bytes = 0
  for (const at of seen) {
    bytes += graph.bytesOf(at)
    if (seen.size > MAX_COUNTED) continue
    for (const { to } of graph.outgoing(at)) if (isContent(graph, to)) seen.add(to)
  }
  return bytes
}

function isContent(graph: HeapGraph, node: number): boolean {
  const type = graph.typeOf(node)
  if (type === 'hidden') return true
  if (ENGINE.has(type) || type === 'closure') return false
  const name = graph.nameOf(node)
  return name !== MODULE && name !== SCOPE && name !== GLOBAL
}
