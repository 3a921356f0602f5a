import type { Loop, Node, NodeOf } from '../ast.ts'
import {
  array,
  assign,
  binary,
  block,
  call,
  conditional,
  declare,
  id,
  ifs,
  index,
  logical,
  member,
  method,
  not,
  num,
  raw,
  statement,
} from './js.ts'
import type { Js, JsOf, VariableDeclarator } from './estree.ts'
import { DISCARD, END_OF_BODY, isRepeatable } from './lowerer.ts'
import type { Lowerer, Sink } from './lowerer.ts'
import { pattern } from './patterns.ts'

/** Lowers a loop, and collects its values if they are used. */
function collecting(l: Lowerer, node: Node, sink: Sink, make: (inner: Sink) => Js[]): Js[] {
  if (sink.kind === 'discard') return make(sink)
  const name = l.fresh('results')
  return [
    declare('const', id(name), array([]), node.start),
    ...make({ kind: 'push', array: name }),
    l.deliver(sink, id(name), node.start),
  ]
}

/** `while`, `until` and `loop`, which at the end of a function run for their effects only. */
export function lowerWhile(l: Lowerer, node: NodeOf<'While'>, sink: Sink): Js[] {
  return collecting(l, node, sink === END_OF_BODY ? DISCARD : sink, (inner) => {
    const test = node.test ? l.expression(node.test) : raw('true')
    const lines = l.looping(() => l.body(node.body, inner))
    const guarded = node.guard ? [ifs(l.expression(node.guard), lines, undefined, node.guard.start)] : lines
    return [{ type: 'WhileStatement', test, body: block(guarded), at: node.start }]
  })
}

export function lowerLoop(l: Lowerer, node: Loop, sink: Sink): Js[] {
  return collecting(l, node, sink, (inner) =>
    loopStatements(l, upward(node, sink), (lines) => [
      ...lines,
      ...l.looping(() => l.body(node.body, inner)),
    ]),
  )
}

/** A block loop whose values are not used counts upwards: `[1..0]` runs no turn. */
function upward(node: Loop, sink: Sink): Loop {
  const isStatement = sink.kind === 'discard' && node.body.start >= node.source.start
  const by: Node = { type: 'Num', raw: '1', start: node.source.start, end: node.source.end }
  const source = unwrapped(node.source)
  return isStatement && !node.by && source.type === 'Range' ? { ...node, source, by } : node
}

function unwrapped(node: Node): Node {
  return node.type === 'Paren' ? unwrapped(node.body) : node
}

/** A loop whose body the caller makes, in the scope of the loop. */
export function loopStatements(l: Lowerer, node: Loop, make: (lines: Js[]) => Js[]): Js[] {
  const inside = (lines: Js[]): Js[] =>
    l.within(node.scope, () => {
      if (!node.guard) return make(lines)
      return [...lines, ifs(l.expression(node.guard), make([]), undefined, node.guard.start)]
    })
  if (node.isAsync) l.sawAwait = true
  if (node.kind === 'times') return timesLoop(l, node, inside)
  if (node.kind === 'as') return iteration(l, node, inside)
  if (node.kind === 'of') return keyLoop(l, node, inside)
  if (node.source.type === 'Range' && (!node.value || node.value.type === 'Id'))
    return rangeLoop(l, node, node.source, inside)
  if (node.index || node.by) return indexLoop(l, node, inside)
  return iteration(l, node, inside)
}

function kindOf(node: Loop, target: Node): 'const' | 'let' {
  if (target.type !== 'Id')
    return node.scope.mentions.some((mention) => mention.use !== 'read') ? 'let' : 'const'
  return writes(node.scope, target.name) ? 'let' : 'const'
}

function writes(scope: Loop['scope'], name: string): boolean {
  return (
    scope.mentions.some((mention) => mention.use !== 'read' && mention.name === name) ||
    scope.children.some((child) => writes(child, name))
  )
}

function variable(l: Lowerer, node: Loop, target: Node): Js {
  if (target.type === 'Member' || target.type === 'Index')
    return l.within(node.scope, () => l.expression(target))
  return declare(
    kindOf(node, target),
    l.within(node.scope, () => pattern(l, target)),
    null,
  )
}

function iteration(l: Lowerer, node: Loop, inside: (lines: Js[]) => Js[]): Js[] {
  const right = l.expression(node.source)
  const target: Node = node.value ?? { type: 'Id', name: l.fresh('item'), start: node.start, end: node.start }
  const lines: Js[] = []
  if (node.index && node.kind === 'as') {
    const counter = l.temp('i')
    lines.push(
      declare(kindOf(node, node.index), pattern(l, node.index), increment(counter, '++'), node.index.start),
    )
    const loop: JsOf<'ForOfStatement'> = {
      type: 'ForOfStatement',
      await: node.isAsync,
      left: variable(l, node, target),
      right,
      body: block(inside(lines)),
      at: node.start,
    }
    return [statement(assign(id(counter), num(0)), node.start), loop]
  }
  return [
    {
      type: 'ForOfStatement',
      await: node.isAsync,
      left: variable(l, node, target),
      right,
      body: block(inside(lines)),
      at: node.start,
    },
  ]
}

function keyLoop(l: Lowerer, node: Loop, inside: (lines: Js[]) => Js[]): Js[] {
  const key = node.value!
  const before: Js[] = []
  const lines: Js[] = []
  let source = l.expression(node.source)
  if ((node.index || node.own) && !isRepeatable(node.source)) {
    const name = l.temp('object')
    before.push(statement(assign(id(name), source), node.source.start))
    source = id(name)
  }
  const keyJs = l.within(node.scope, () => pattern(l, key))
  if (node.own)
    lines.push(
      ifs(
        not(method(id('Object'), 'hasOwn', [source, keyJs])),
        [{ type: 'ContinueStatement', label: null }],
        undefined,
        key.start,
      ),
    )
  if (node.index)
    lines.push(
      declare(
        kindOf(node, node.index),
        l.within(node.scope, () => pattern(l, node.index!)),
        index(source, keyJs),
        node.index.start,
      ),
    )
  return [
    ...before,
    {
      type: 'ForInStatement',
      left: variable(l, node, key),
      right: source,
      body: block(inside(lines)),
      at: node.start,
    },
  ]
}

function forLoop(l: Lowerer, node: Loop, init: Js, test: Js, update: Js, lines: Js[]): Js {
  return { type: 'ForStatement', init, test, update, body: block(lines), at: node.start }
}

function timesLoop(l: Lowerer, node: Loop, inside: (lines: Js[]) => Js[]): Js[] {
  const counter = node.scope.bound.has('it') ? 'it' : l.fresh('i')
  const limit = l.fresh('count')
  const init: JsOf<'VariableDeclaration'> = {
    type: 'VariableDeclaration',
    kind: 'let',
    declarations: [declarator(counter, num(0)), declarator(limit, l.expression(node.source))],
  }
  return [forLoop(l, node, init, binary('<', id(counter), id(limit)), step(counter, num(1)), inside([]))]
}

function declarator(name: string, init: Js, at?: number): VariableDeclarator {
  return { type: 'VariableDeclarator', id: id(name, at), init }
}

function increment(name: string, operator: '++' | '--'): Js {
  return { type: 'UpdateExpression', operator, prefix: false, argument: id(name) }
}

function step(name: string, by: Js): Js {
  if (by.type === 'Literal' && by.value === 1) return increment(name, '++')
  return assign(id(name), by, '+=')
}

function literalNumber(node: Node | undefined): number | undefined {
  if (node?.type === 'Num') return Number(node.raw.replaceAll('_', ''))
  if (node?.type === 'Unary' && node.op === '-' && node.arg.type === 'Num')
    return -Number(node.arg.raw.replaceAll('_', ''))
  return undefined
}

function rangeLoop(l: Lowerer, node: Loop, range: NodeOf<'Range'>, inside: (lines: Js[]) => Js[]): Js[] {
  const from = literalNumber(range.from)
  const to = literalNumber(range.to)
  const by = node.by ? literalNumber(node.by) : undefined
  const value = node.value?.type === 'Id' ? node.value : undefined
  const isCounter = value !== undefined && !writes(node.scope, value.name)
  const counter = isCounter ? value.name : l.fresh('i')
  const lines =
    value && !isCounter ? [declare('let', id(value.name, value.start), id(counter), value.start)] : []
  const first = node.index && from === undefined ? l.fresh('from') : undefined
  const start = first ? id(first) : l.expression(range.from)
  const init: VariableDeclarator[] = [declarator(counter, start, isCounter ? value.start : undefined)]
  if (first) init.unshift(declarator(first, l.expression(range.from)))
  let limit = l.expression(range.to)
  if (to === undefined && !(range.to.type === 'Id' && !l.hasReactive && !writes(node.scope, range.to.name))) {
    const name = l.fresh('to')
    init.push(declarator(name, limit))
    limit = id(name)
  }
  const declaration: JsOf<'VariableDeclaration'> = {
    type: 'VariableDeclaration',
    kind: 'let',
    declarations: init,
  }
  const ends = from !== undefined && to !== undefined && by === undefined ? to - from : by
  if (node.index) lines.push(rangeIndex(l, node, node.index, id(counter), first ? id(first) : start, ends))
  const equal = range.exclusive ? '' : '='
  const upTest = binary(`<${equal}`, id(counter), limit)
  const downTest = binary(`>${equal}`, id(counter), limit)
  if (from !== undefined && to !== undefined && (!node.by || by !== undefined)) {
    const down = by === undefined ? from > to : by < 0
    const update = by === undefined ? increment(counter, down ? '--' : '++') : step(counter, num(by))
    return [forLoop(l, node, declaration, down ? downTest : upTest, update, inside(lines))]
  }
  if (by !== undefined)
    return [forLoop(l, node, declaration, by < 0 ? downTest : upTest, step(counter, num(by)), inside(lines))]
  const stepName = l.fresh('step')
  const direction = node.by
    ? stepValue(l, node.by)
    : conditional(binary('<=', id(counter), limit), num(1), num(-1))
  init.push(declarator(stepName, direction))
  const test = conditional(binary('>', id(stepName), num(0)), upTest, downTest)
  return [forLoop(l, node, declaration, test, assign(id(counter), id(stepName), '+='), inside(lines))]
}

/** A computed step may be 0 at run time, which throws. */
function stepValue(l: Lowerer, by: Node): Js {
  return call(l.use('__stepOf', by.start), [l.expression(by)])
}

/**
 * Distance of the counter from the first value; the direction is 0 if it is unknown, else it has the sign of the
 * loop's.
 */
function rangeIndex(l: Lowerer, node: Loop, target: Node, counter: Js, from: Js, direction = 0): Js {
  const distance = direction < 0 ? binary('-', from, counter) : binary('-', counter, from)
  const value = direction === 0 ? method(id('Math'), 'abs', [distance]) : distance
  return declare(
    kindOf(node, target),
    l.within(node.scope, () => pattern(l, target)),
    value,
    target.start,
  )
}

function indexLoop(l: Lowerer, node: Loop, inside: (lines: Js[]) => Js[]): Js[] {
  const named = node.index?.type === 'Id' ? node.index : undefined
  const isCounter = named !== undefined && !writes(node.scope, named.name)
  const counter = isCounter ? named.name : l.fresh('i')
  const counterAt = isCounter ? named.start : undefined
  const list = l.fresh('list')
  const by = node.by ? literalNumber(node.by) : 1
  const lines: Js[] = []
  if (named && !isCounter) lines.push(declare('let', id(named.name, named.start), id(counter), named.start))
  if (node.value) {
    const value = index(id(list), id(counter))
    if (node.value.type === 'Member')
      lines.push(statement(assign(l.expression(node.value), value), node.value.start))
    else
      lines.push(
        declare(
          kindOf(node, node.value),
          l.within(node.scope, () => pattern(l, node.value!)),
          value,
          node.value.start,
        ),
      )
  }
  const length = member(id(list), 'length')
  const last = binary('-', length, num(1))
  const init: VariableDeclarator[] = [declarator(list, l.expression(node.source))]
  if (by !== undefined) {
    init.push(declarator(counter, by < 0 ? last : num(0), counterAt))
    const test = by < 0 ? binary('>=', id(counter), num(0)) : binary('<', id(counter), length)
    return [
      forLoop(
        l,
        node,
        { type: 'VariableDeclaration', kind: 'let', declarations: init },
        test,
        step(counter, num(by)),
        inside(lines),
      ),
    ]
  }
  const stepName = l.fresh('step')
  init.push(declarator(stepName, stepValue(l, node.by!)))
  init.push(declarator(counter, conditional(binary('<', id(stepName), num(0)), last, num(0)), counterAt))
  const test = logical('&&', binary('>=', id(counter), num(0)), binary('<', id(counter), length))
  return [
    forLoop(
      l,
      node,
      { type: 'VariableDeclaration', kind: 'let', declarations: init },
      test,
      assign(id(counter), id(stepName), '+='),
      inside(lines),
    ),
  ]
}
