/** A snapshot of the heap in the form of V8, as far as it is read here. */
interface V8Snapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[]
      readonly node_types: readonly [readonly string[], ...unknown[]]
      readonly edge_fields: readonly string[]
      readonly edge_types: readonly [readonly string[], ...unknown[]]
    }
  }
  readonly nodes: readonly number[]
  readonly edges: readonly number[]
  readonly strings: readonly string[]
}

/** What leads from one object to another: a variable, a property, an element, or something of the engine. */
export type EdgeType = 'context' | 'property' | 'element' | 'internal'

export interface Edge {
  readonly type: EdgeType
  /** Of the variable or property; a number for an element. */
  readonly name: string | number
  readonly from: number
  readonly to: number
}

/** Objects on the heap, by number, and what leads from one to the other. */
export class HeapGraph {
  readonly size: number
  readonly #nodes: Uint32Array
  readonly #edges: Uint32Array
  readonly #strings: readonly string[]
  readonly #nodeTypes: readonly string[]
  readonly #edgeTypes: readonly string[]
  readonly #nodeWidth: number
  readonly #edgeWidth: number
  readonly #at: Readonly<Record<'type' | 'name' | 'size', number>>
  /** Number of the first edge of each node, and behind the last one the number of edges. */
  readonly #firstEdge: Uint32Array
  readonly #edgeFrom: Uint32Array
  /** Edges by the node they lead to. */
  readonly #incoming: Uint32Array
  readonly #firstIncoming: Uint32Array

  /** @throws TypeError, SyntaxError when it is no snapshot */
  constructor(bytes: Uint8Array) {
    const { snapshot, nodes, edges, strings } = JSON.parse(new TextDecoder().decode(bytes)) as V8Snapshot
    const { meta } = snapshot
    this.#nodes = Uint32Array.from(nodes)
    this.#edges = Uint32Array.from(edges)
    this.#strings = strings
    this.#nodeTypes = meta.node_types[0]
    this.#edgeTypes = meta.edge_types[0]
    this.#nodeWidth = meta.node_fields.length
    this.#edgeWidth = meta.edge_fields.length
    const field = (name: string): number => meta.node_fields.indexOf(name)
    this.#at = { type: field('type'), name: field('name'), size: field('self_size') }
    this.size = nodes.length / this.#nodeWidth
    const edgeCount = edges.length / this.#edgeWidth
    this.#firstEdge = this.#sumOf(field('edge_count'))
    this.#edgeFrom = new Uint32Array(edgeCount)
    for (let node = 0; node < this.size; node++)
      this.#edgeFrom.fill(node, this.#firstEdge[node]!, this.#firstEdge[node + 1]!)
    this.#firstIncoming = new Uint32Array(this.size + 1)
    this.#incoming = this.#sortByTarget(edgeCount)
  }

  typeOf(node: number): string {
    return this.#nodeTypes[this.#nodes[node * this.#nodeWidth + this.#at.type]!] ?? ''
  }

  /** Its class, or what it is. */
  nameOf(node: number): string {
    return this.#strings[this.#nodes[node * this.#nodeWidth + this.#at.name]!] ?? ''
  }

  bytesOf(node: number): number {
    return this.#nodes[node * this.#nodeWidth + this.#at.size]!
  }

  outDegree(node: number): number {
    return this.#firstEdge[node + 1]! - this.#firstEdge[node]!
  }

  inDegree(node: number): number {
    return this.#firstIncoming[node + 1]! - this.#firstIncoming[node]!
  }

  *outgoing(node: number): Generator<Edge> {
    for (let edge = this.#firstEdge[node]!; edge < this.#firstEdge[node + 1]!; edge++) yield this.#edge(edge)
  }

  *incoming(node: number): Generator<Edge> {
    for (let at = this.#firstIncoming[node]!; at < this.#firstIncoming[node + 1]!; at++)
      yield this.#edge(this.#incoming[at]!)
  }

  #edge(edge: number): Edge {
    const at = edge * this.#edgeWidth
    const type = this.#edgeTypes[this.#edges[at]!] ?? ''
    const nameOrIndex = this.#edges[at + 1]!
    const isNamed = type === 'context' || type === 'property'
    return {
      type: isNamed || type === 'element' ? (type as EdgeType) : 'internal',
      name: isNamed ? (this.#strings[nameOrIndex] ?? '') : nameOrIndex,
      from: this.#edgeFrom[edge]!,
      to: this.#targetOf(edge),
    }
  }

  #targetOf(edge: number): number {
    return this.#edges[edge * this.#edgeWidth + 2]! / this.#nodeWidth
  }

  /** Sums of a field of all nodes before each node. */
  #sumOf(field: number): Uint32Array {
    const sums = new Uint32Array(this.size + 1)
    for (let node = 0; node < this.size; node++)
      sums[node + 1] = sums[node]! + this.#nodes[node * this.#nodeWidth + field]!
    return sums
  }

  #sortByTarget(edgeCount: number): Uint32Array {
    const first = this.#firstIncoming
    for (let edge = 0; edge < edgeCount; edge++) first[this.#targetOf(edge) + 1]!++
    for (let node = 0; node < this.size; node++) first[node + 1]! += first[node]!
    const next = first.slice()
    const sorted = new Uint32Array(edgeCount)
    for (let edge = 0; edge < edgeCount; edge++) sorted[next[this.#targetOf(edge)]!++] = edge
    return sorted
  }
}
