import { CompileError } from '../../compile-error.ts'
import type { Node } from '../ast.ts'
import type { Scope } from '../scope.ts'
import { id } from './js.ts'
import type { Js, Location } from './js.ts'

/** Where the value of a statement goes. */
export type Sink =
  | { readonly kind: 'discard' }
  | { readonly kind: 'return' }
  | { readonly kind: 'push'; readonly array: string }
  | { readonly kind: 'assign'; readonly make: (value: Js) => Js }

export const DISCARD: Sink = { kind: 'discard' }
export const RETURN: Sink = { kind: 'return' }

/** What is known of the function whose body is being lowered. */
export interface FunctionState {
  readonly scope: Scope
  /** Names to be declared at the top. */
  readonly hoisted: Set<string>
  readonly methodName: Js | undefined
  readonly isVoid: boolean
  /** Parameters `@name` by name, which `super()` cannot read from `this` yet. */
  readonly promoted: Map<string, string>
}

/** State shared by the lowering functions of this folder. */
export class Lowerer {
  readonly source: string
  readonly filename: string
  readonly names: Set<string>
  readonly runtime: Set<string> = new Set()
  readonly dialect: 3 | 4
  scope: Scope
  fn: FunctionState
  /** Whether statements are direct ones of the function's body, where declarations may stand. */
  atTop = true
  /** Inside a generated function, which `return` and `break` cannot leave. */
  generated = 0
  /** Loops around, within the same generated code, which `break` and `continue` can leave. */
  loops = 0
  /** Likewise, loops and those switches that `break` can leave. */
  breakable = 0
  sawAwait = false
  sawYield = false
  hasReactive = false
  /** In the arguments of `super()` of a constructor. */
  superArguments = false
  private readonly lineStarts: number[] = [0]
  private line = 0
  /** Last number tried for each base of {@link fresh}, which would count from the start each time otherwise. */
  private readonly lastFresh: Map<string, number> = new Map()

  constructor(source: string, filename: string, names: Set<string>, scope: Scope, dialect: 3 | 4) {
    this.source = source
    this.filename = filename
    this.names = names
    this.scope = scope
    this.dialect = dialect
    this.fn = { scope, hoisted: new Set(), methodName: undefined, isVoid: false, promoted: new Map() }
    for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1))
      this.lineStarts.push(at + 1)
  }

  fail(reason: string, node: { start: number; end: number }, hint?: string): never {
    const detail = { reason, filename: this.filename, source: this.source, start: node.start, end: node.end }
    throw new CompileError(hint === undefined ? detail : { ...detail, hint })
  }

  loc(node: { start: number; end: number }): Location {
    return { start: this.position(node.start), end: this.position(node.end) }
  }

  private position(offset: number): { line: number; column: number } {
    const { lineStarts } = this
    let low = 0
    let high = lineStarts.length - 1
    const near = this.line
    if (lineStarts[near]! <= offset) low = near
    else high = near
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (lineStarts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    this.line = low
    return { line: low + 1, column: offset - lineStarts[low]! }
  }

  /** A name that nothing in the source uses. */
  fresh(base: string): string {
    let name = `_${base}`
    let count = this.lastFresh.get(base) ?? 1
    while (this.names.has(name)) name = `_${base}${++count}`
    this.lastFresh.set(base, count)
    this.names.add(name)
    return name
  }

  /** A fresh variable of the function at hand. */
  temp(base = 'ref'): string {
    const name = this.fresh(base)
    this.fn.hoisted.add(name)
    return name
  }

  use(name: string): Js {
    this.runtime.add(name)
    return id(name)
  }

  /** Lowers something that is not a direct statement of its function. */
  nested<T>(lower: () => T): T {
    const { atTop } = this
    this.atTop = false
    const result = lower()
    this.atTop = atTop
    return result
  }

  /** Lowers the body of a loop. */
  looping<T>(lower: () => T): T {
    this.loops++
    this.breakable++
    const result = lower()
    this.loops--
    this.breakable--
    return result
  }

  within<T>(scope: Scope, lower: () => T): T {
    const outer = this.scope
    this.scope = scope
    const result = lower()
    this.scope = outer
    return result
  }
}

/** Whether evaluating a node twice gives the same and does nothing. */
export function isRepeatable(node: Node): boolean {
  return node.type === 'Id' || node.type === 'Num' || node.type === 'Str' || node.type === 'Keyword'
}
