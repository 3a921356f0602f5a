import { CompileError } from '../../compile-error.ts'
import type { Node, NodeOf } from '../ast.ts'
import type { Scope } from '../scope.ts'
import { assign, endsInCall, id, method, returns, statement } from './js.ts'
import type { Js } from './estree.ts'

/** The destination of the value of a statement. */
export type Sink =
  | { readonly kind: 'discard' }
  | { readonly kind: 'return' }
  | { readonly kind: 'push'; readonly array: string }
  | { readonly kind: 'assign'; readonly make: (value: Js) => Js }

export const DISCARD: Sink = { kind: 'discard' }
export const RETURN: Sink = { kind: 'return' }
/** Returns the value at the end of a function, where a loop on a condition has none. */
export const END_OF_BODY: Sink = { kind: 'return' }

/** Lowers each kind of node to an expression. */
export type ExpressionVisitors = {
  readonly [T in Node['type']]: (l: Lowerer, node: NodeOf<T>) => Js
}

/** Lowers kinds of nodes to statements; returns nothing for a node that is an expression. */
export type StatementVisitors = {
  readonly [T in Node['type']]?: (l: Lowerer, node: NodeOf<T>, sink: Sink) => Js[] | undefined
}

type StatementVisitor = (l: Lowerer, node: Node, sink: Sink) => Js[] | undefined

export interface Visitors {
  readonly expressions: ExpressionVisitors
  readonly statements: StatementVisitors
}

/** State of the function whose body is being lowered. */
export interface FunctionState {
  readonly scope: Scope
  /** Names to declare at the top. */
  readonly hoisted: Set<string>
  readonly methodName: Js | undefined
  readonly isVoid: boolean
  /** Whether this is the constructor of a derived class, or an arrow function inside one. */
  readonly callsParent: boolean
  /** Whether the function, or the function around an arrow function, has its own `this`. */
  readonly hasOwnThis: boolean
  /** Set when `super` was lowered: only methods may contain it. */
  usesSuper: boolean
  /** Whether it is neither async nor a generator: only such a function can lose its frame to a tail call. */
  readonly mayDropFrame: boolean
  /** Parameters `@name` by name, which cannot be read from `this` before `super()`. */
  readonly promoted: Map<string, string>
}

const BLANK: ReadonlySet<number> = new Set([9, 10, 13, 32])

/** State shared by the lowering functions of this folder. */
export class Lowerer {
  readonly source: string
  readonly filename: string
  readonly names: Set<string>
  readonly runtime: Set<string> = new Set()
  readonly dialect: 3 | 4
  scope: Scope
  fn: FunctionState
  /** Whether the current statements are direct statements of the function body, where declarations are allowed. */
  atTop = true
  /** Depth of generated functions, which `return` and `break` cannot leave. */
  generated = 0
  /** Number of loops around, within the same generated function, that `break` and `continue` can leave. */
  loops = 0
  /** Number of loops and switches around, within the same generated function, that `break` can leave. */
  breakable = 0
  /** In the parameters of a function, which are evaluated before its variables exist. */
  inParameters = false
  sawAwait = false
  sawYield = false
  hasReactive = false
  /**
   * Whether a returned call is kept from being a tail call, so that the frame of its function stays in stack traces.
   */
  keepFrames = false
  /** In the arguments of `super()` in a constructor. */
  superArguments = false
  /** Names of the source that the output spells differently, by offset. */
  readonly renamed: Map<number, string> = new Map()
  /** Last number tried for each base of {@link fresh}, so that it need not start from 1 each time. */
  private readonly lastFresh: Map<string, number> = new Map()

  private readonly visitors: Visitors

  constructor(
    source: string,
    filename: string,
    names: Set<string>,
    scope: Scope,
    dialect: 3 | 4,
    visitors: Visitors,
  ) {
    this.visitors = visitors
    this.source = source
    this.filename = filename
    this.names = names
    this.scope = scope
    this.dialect = dialect
    this.fn = {
      scope,
      hoisted: new Set(),
      methodName: undefined,
      isVoid: false,
      callsParent: false,
      hasOwnThis: false,
      usesSuper: false,
      mayDropFrame: false,
      promoted: new Map(),
    }
  }

  /** Lowers a node to an expression. */
  expression(node: Node): Js {
    const { atTop } = this
    this.atTop = false
    const visit = this.visitors.expressions[node.type] as (l: Lowerer, node: Node) => Js
    const js = visit(this, node)
    this.atTop = atTop
    return js
  }

  expressions(nodes: readonly (Node | null)[]): Js[] {
    return nodes.map((node) => node && this.expression(node)) as Js[]
  }

  /** Lowers a node to statements that pass its value to the sink. */
  statement(node: Node, sink: Sink): Js[] {
    const visit = this.visitors.statements[node.type] as StatementVisitor | undefined
    return visit?.(this, node, sink) ?? [this.deliver(sink, this.expression(node), node.start)]
  }

  /** Passes a value to its sink: returns, assigns, collects or drops it. */
  deliver(sink: Sink, value: Js, at: number | undefined = value.at): Js {
    switch (sink.kind) {
      case 'return':
        return returns(this.returned(value), at)
      case 'push':
        return statement(method(id(sink.array), 'push', [value]), at)
      case 'assign':
        return statement(sink.make(value), at)
      default:
        return statement(value, at)
    }
  }

  /** Lowers a list of statements; the last one that leaves code passes its value to the sink. */
  statements(nodes: readonly Node[], sink: Sink): Js[] {
    const last = nodes.findLastIndex((node) => node.type !== 'Erased')
    return nodes.flatMap((node, at) => this.statement(node, at === last ? sink : DISCARD))
  }

  /** Lowers the statements of a block, which are not direct statements of the function. */
  body(node: Node, sink: Sink): Js[] {
    return this.nested(() => this.statements(node.type === 'Block' ? node.body : [node], sink))
  }

  fail(reason: string, node: { start: number; end: number }, hint?: string): never {
    const detail = { reason, filename: this.filename, source: this.source, start: node.start, end: node.end }
    throw new CompileError(hint === undefined ? detail : { ...detail, hint })
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

  /** A fresh variable of the current function. */
  temp(base = 'ref'): string {
    const name = this.fresh(base)
    this.fn.hoisted.add(name)
    return name
  }

  /** The value to return: with `keepFrames`, a call is not returned directly. */
  returned(value: Js): Js {
    if (!this.keepFrames || !this.fn.mayDropFrame || !endsInCall(value)) return value
    return assign(id(this.temp('returned')), value)
  }

  use(name: string, at?: number): Js {
    this.runtime.add(name)
    return id(name, at)
  }

  /** Offset of an operator that follows a node. */
  operatorAfter(node: { end: number }): number {
    let at = node.end
    while (BLANK.has(this.source.charCodeAt(at))) at++
    return at
  }

  /** Offset of the closing parenthesis of a call, or undefined if the call has none. */
  bracketEnd(node: { end: number }): number | undefined {
    return this.source[node.end - 1] === ')' ? node.end : undefined
  }

  /** Offset of the name at the end of a node such as `a.b`; undefined if the name is not written there. */
  nameAtEnd(node: { end: number }, name: string): number | undefined {
    const at = node.end - name.length
    return this.source.startsWith(name, at) ? at : undefined
  }

  /** Lowers a node that is not a direct statement of its function. */
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

/** Whether evaluating a node twice gives the same value and has no effects. */
export function isRepeatable(node: Node): boolean {
  return node.type === 'Id' || node.type === 'Num' || node.type === 'Str' || node.type === 'Keyword'
}
