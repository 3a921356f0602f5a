import type { Node } from '../../src/compiler/ast.ts'
import { grammar } from '../../src/compiler/parser/grammar.ts'
import { Parser } from '../../src/compiler/parser/parser.ts'
import { parseProgram } from '../../src/compiler/parser/statements.ts'

export interface Name {
  readonly name: string
  /** Offset in the source. */
  readonly start: number
}

/** Every name that is written in a program: variables, members, keys, parameters, functions, classes, imports. */
export function namesOf(source: string): Name[] {
  const data = source.search(/^__DATA__[ \t]*$/m)
  const parser = new Parser(source, 'input.rip', data === -1 ? source.length : data, 4, grammar)
  const found = new Map<number, Name>()
  collect(parseProgram(parser), source, found)
  return [...found.values()]
}

function collect(value: unknown, source: string, found: Map<number, Name>): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, source, found)
    return
  }
  if (typeof value !== 'object' || value === null) return
  for (const name of ownNames(value as Node)) {
    // Names like `it` and `prototype` can be implicit.
    if (source.startsWith(name.name, name.start)) found.set(name.start, name)
  }
  for (const [key, child] of Object.entries(value)) if (key !== 'scope') collect(partOf(child), source, found)
}

/** The node in a child: for `.=` the child is a function that makes its node from the target. */
function partOf(child: unknown): unknown {
  if (typeof child !== 'function') return child
  return (child as (base: Node) => Node)({ type: 'Erased', start: 0, end: 0 })
}

const STARTS = /^(?:(.*)Start|start)$/

function ownNames(node: Node): Name[] {
  if (node.type === 'Id') return node.end > node.start ? [node] : []
  if (node.type === 'Member') return [{ name: node.prop, start: node.end - node.prop.length }]
  const texts = node as unknown as Record<string, unknown>
  return Object.entries(texts).flatMap(([key, start]) => {
    const text = texts[STARTS.exec(key)?.[1] ?? '']
    return typeof text === 'string' && typeof start === 'number' && /^[\w$]+$/.test(text)
      ? [{ name: text, start }]
      : []
  })
}
