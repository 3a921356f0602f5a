import type { Loop, Node } from '../ast.ts'
import { Scope } from '../scope.ts'
import type { Parser } from './parser.ts'
import { bindPattern } from './targets.ts'

/**
 * The head of a `for` up to its body. For a postfix loop, `bodyStart` is the offset where the body began; names in the
 * body then refer to the variables of the loop.
 */
export function parseLoopHead(p: Parser, start: number, bodyStart: number): Loop {
  const outer = p.scope
  const scope = new Scope(outer, false)
  const prefix = bodyStart === -1
  if (!prefix) adoptBody(outer, scope, bodyStart === 0 ? start : bodyStart)
  p.next()
  const isAwait = p.accept('await')
  const own = p.isWord('own')
  if (own) p.next()
  if (isAwait) p.fn.isAsync = true
  const base = {
    type: 'For',
    by: undefined,
    guard: undefined,
    own,
    isAsync: isAwait,
    body: EMPTY,
    scope,
    start,
    end: start,
  } as const
  if (p.is('[') && /^\[\s*[\w.-]+\s*\.\./.test(p.source.slice(p.lx.start, p.lx.start + 40))) {
    const source = loopSource(p)
    return finishHead(p, { ...base, kind: 'in', value: undefined, index: undefined, source }, scope)
  }
  const first = parseVariable(p)
  const second = p.accept(',') ? parseVariable(p) : undefined
  const kind = loopKind(p)
  if (isAwait && kind !== 'as')
    p.lx.fail(`a loop that waits has 'as' and not '${kind}'`, p.lx.start, p.lx.end, AWAIT_HINT)
  p.next()
  let isAsync: boolean = isAwait
  if (kind === 'as' && p.is('!')) {
    p.next()
    isAsync = p.fn.isAsync = true
  }
  const source = loopSource(p)
  // A loop over values may assign each of them to a property.
  if (first.type !== 'Member' || kind === 'of') bindIn(p, scope, first)
  if (second) bindIn(p, scope, second)
  return finishHead(p, { ...base, kind, isAsync, value: first, index: second, source }, scope)
}

/** An expression in the head of a loop; `by` ends it. */
function loopSource(p: Parser): Node {
  return p.within({ loopHead: true, noIndentArgs: true }, () => p.expression())
}

const AWAIT_HINT = 'Write `for await x as iterable`.'

const EMPTY: Node = { type: 'Erased', start: 0, end: 0 }

function bindIn(p: Parser, scope: Scope, target: Node): void {
  p.withScope(scope, () => bindPattern(p, target, 'loop'))
}

/** Moves the names that the body of a postfix loop used to the scope of the loop. */
function adoptBody(outer: Scope, scope: Scope, from: number): void {
  const { mentions } = outer
  let kept = mentions.length
  // Mentions are recorded in the order of the text, except the names of patterns.
  while (kept > 0 && mentions[kept - 1]!.at >= from) kept--
  for (const mention of mentions.splice(kept)) scope.mentions.push(mention)
}

function parseVariable(p: Parser): Node {
  const { lx } = p
  const { start, end } = lx
  if (p.is('id')) {
    const node: Node = { type: 'Id', name: lx.value, start, end }
    p.next()
    return node
  }
  if (p.is('@') || p.is('{') || p.is('[')) return p.primary()
  if (p.is('(')) lx.fail("a 'for' has no parentheses", start, end, FOR_HINT)
  return p.unexpected('expected the variable of the loop')
}

const FOR_HINT = 'Write `for x in list` or `for i in [0...n]` and indent the lines.'

function loopKind(p: Parser): 'in' | 'of' | 'as' {
  if (p.is('in')) return 'in'
  if (p.is('of')) return 'of'
  if (p.isWord('as')) return 'as'
  if (p.isWord('from'))
    p.lx.fail('`for … from` is not a loop here', p.lx.start, p.lx.end, 'Write `for x as iterable`.')
  if (p.is('=')) p.lx.fail("a 'for' has no counter of its own", p.lx.start, p.lx.end, FOR_HINT)
  return p.unexpected('expected in, of or as')
}

function finishHead(p: Parser, loop: Loop, scope: Scope): Loop {
  let node = loop
  p.withScope(scope, () => {
    for (;;) {
      if (p.is('when')) {
        p.next()
        node = { ...node, guard: loopSource(p) }
      } else if (p.isWord('by')) {
        p.next()
        node = { ...node, by: parseStep(p) }
      } else return
    }
  })
  return { ...node, end: p.lx.lastEnd }
}

/** Refuses a step of 0, with which the loop would never end. */
function parseStep(p: Parser): Node {
  const step = loopSource(p)
  const plain = step.type === 'Unary' ? step.arg : step
  if (plain.type === 'Num' && Number(plain.raw.replaceAll('_', '')) === 0)
    p.lx.fail('a loop by 0 never ends', step.start, step.end, 'Leave the step out, or write another one.')
  return step
}

export function parseFor(p: Parser): Node {
  const { start } = p.lx
  const head = parseLoopHead(p, start, -1)
  const body = p.withScope(head.scope, () => p.body())
  return { ...head, body, end: body.end }
}

export function parseWhile(p: Parser): Node {
  const { start } = p.lx
  const negated = p.is('until')
  p.next()
  const condition = loopSource(p)
  const test: Node = negated
    ? { type: 'Unary', op: '!', arg: condition, start, end: condition.end }
    : condition
  const guard = p.accept('when') ? loopSource(p) : undefined
  const body = p.body()
  return { type: 'While', test, guard, body, start, end: body.end }
}

/** `loop` and `loop n`. */
export function parseLoop(p: Parser): Node {
  const { start } = p.lx
  p.next()
  if (p.is('INDENT') || p.is('then')) {
    const body = p.body()
    return { type: 'While', test: undefined, guard: undefined, body, start, end: body.end }
  }
  const source = p.head(() => p.unary())
  const scope = new Scope(p.scope, false)
  const body = p.withScope(scope, () => p.body())
  if (scope.mentions.some((mention) => mention.name === 'it'))
    scope.bind('it', { form: 'loop', at: start, block: p.block })
  return {
    type: 'For',
    kind: 'times',
    value: undefined,
    index: undefined,
    source,
    by: undefined,
    guard: undefined,
    own: false,
    isAsync: false,
    body,
    scope,
    start,
    end: body.end,
  }
}

function rejectFilter(p: Parser, node: Node): never {
  const hint = 'Write the filter behind the loop: x for x in list when x > 1.'
  return p.lx.fail("a loop filters with 'when', not with 'if'", node.start, node.end, hint)
}

/** `body for …`, once or several times. */
export function withPostfixLoops(p: Parser, body: Node): Node {
  let node = body
  while (p.is('for')) {
    if (node.type === 'If' && node.otherwise === undefined && node.test.start > node.consequent.start)
      rejectFilter(p, node)
    const loop = parseLoopHead(p, node.start, node.start)
    node = { ...loop, body: node, start: node.start }
  }
  return node
}
