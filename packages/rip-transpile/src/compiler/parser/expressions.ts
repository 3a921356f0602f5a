import type { AssignOperator, Node } from '../ast.ts'
import { parseAssigned } from './assignments.ts'
import { parsePostfix } from './calls.ts'
import { isNewOperatorHint } from './diagnostics.ts'
import { parseArrow } from './functions.ts'
import { mentionMatch } from './names.ts'
import { keyAt, parseImplicitObject } from './objects.ts'
import type { Parser } from './parser.ts'
import { withPendingIf, withPostfixTernary } from './postfix-if.ts'
import { isKeywordExpression, parseKeywordExpression } from './primaries.ts'
import { assignTarget, isAssignable } from './targets.ts'
import { scanType } from './type-scanner.ts'
import { keepType } from './types.ts'

/** How tightly a binary operator binds. */
const PRECEDENCE: Readonly<Record<string, number>> = {
  '||': 2,
  or: 2,
  '??': 2,
  '&&': 3,
  and: 3,
  '|': 4,
  '^': 5,
  '&': 6,
  '==': 7,
  '!=': 7,
  '===': 7,
  '!==': 7,
  is: 7,
  isnt: 7,
  '<': 7,
  '>': 7,
  '<=': 7,
  '>=': 7,
  '=~': 7,
  in: 8,
  of: 8,
  not: 8,
  instanceof: 8,
  as: 9,
  '<<': 10,
  '>>': 10,
  '>>>': 10,
  '+': 11,
  '-': 11,
  '*': 12,
  '/': 12,
  '%': 12,
  '//': 12,
  '%%': 12,
  '**': 14,
}
const COMPARE = 7
const POWER = 14

export const ASSIGN_OPERATORS: ReadonlySet<string> = new Set(
  '= =! += -= *= /= %= **= //= %%= &= |= ^= <<= >>= >>>= ||= &&= ??= ?= := ~= .= ~>'.split(' '),
)

/** Any expression, without postfix `if`, `for` and the like. */
export function parseExpression(p: Parser): Node {
  p.enter()
  const node = keyAt(p, p.lx.start) ? withDots(p, parseImplicitObject(p)) : parseTernary(p)
  p.depth--
  return node
}

/** A `.` on the next line applies to the whole function or object if that has no closing bracket. */
function withDots(p: Parser, node: Node): Node {
  const isDotted = p.lx.leading && (p.is('.') || p.is('?.'))
  return isDotted && !p.mode.dotsEndBody && !p.mode.inImplicit ? parsePostfix(p, node) : node
}

function parseTernary(p: Parser): Node {
  const test = parseBinary(p, 1)
  if (!p.is('?') || (p.lx.leading && p.mode.inImplicit)) return test
  const question = p.lx.start
  p.next()
  dropLayout(p)
  const consequent = p.within({ noColon: true }, () => withPostfixTernary(p, parseExpression(p)))
  if (consequent.type === 'Paren' && isChoice(consequent.body)) rejectNested(p, consequent)
  if (p.is('NEWLINE') && p.source[p.lx.pos] === ':') p.next()
  if (p.is('INDENT') && p.source[p.lx.start] === ':') p.lx.dropIndent()
  if (!p.is(':')) isNewOperatorHint(p, question)
  p.next()
  dropLayout(p)
  const otherwise = parseExpression(p)
  return { type: 'Ternary', test, consequent, otherwise, start: test.start, end: otherwise.end }
}

/** Whether it is `a ? b : c`, and not `b if a else c`. */
function isChoice(node: Node): boolean {
  return node.type === 'Ternary' && node.test.start < node.consequent.start
}

function rejectNested(p: Parser, node: Node): never {
  const hint = "Turn the condition around, so that the inner choice stands behind the ':'."
  return p.lx.fail("a choice is not nested in front of the ':' of another one", node.start, node.end, hint)
}

function dropLayout(p: Parser): void {
  if (p.is('INDENT')) p.lx.dropIndent()
  if (p.is('NEWLINE')) p.next()
}

/** An expression that may be `a if c else b`; a lone `if` is left to the statement. */
export function parseValue(p: Parser): Node {
  let node = parseExpression(p)
  for (;;) {
    const choice = withPostfixTernary(p, node)
    if (choice === node) return node
    node = choice
  }
}

/**
 * The right side of an assignment: a ternary after it may belong to the value; a postfix condition applies to the whole
 * assignment.
 */
export function parseAssignedValue(p: Parser): Node {
  return withPostfixTernary(p, parseExpression(p))
}

/** An expression in brackets with a postfix `if`, which can only belong to that expression. */
export function parseBracketedValue(p: Parser): Node {
  return withPendingIf(p, parseValue(p))
}

/** The right side of a guard: a statement that leaves, which never has a value. */
const LEAVES = /^\s*(?:return|throw|break|continue)\b/

export function parseBinary(p: Parser, minimum: number): Node {
  let left = parseUnary(p)
  for (;;) {
    const op = p.kind
    if (op === 'id' && p.lx.value === 'as') {
      if (minimum > PRECEDENCE['as']!) break
      left = skipCast(p, left)
      continue
    }
    const precedence = PRECEDENCE[op]
    if (precedence === undefined || precedence < minimum) break
    if (op === 'not' && !/^not\s+(?:in|of|instanceof)\b/.test(p.source.slice(p.lx.start, p.lx.start + 40)))
      break
    if (p.lx.leading) break
    if (p.mode.inImplicit && precedence <= 3 && endsArguments(p, precedence)) break
    left = parseOperator(p, left, op, precedence)
  }
  return left
}

/** Whether an `or` after a call without parentheses applies to the call, and not to its last argument. */
function endsArguments(p: Parser, precedence: number): boolean {
  if (LEAVES.test(p.source.slice(p.lx.end, p.lx.end + 12))) return true
  return p.dialect === 3 && !argumentFollows(p, precedence)
}

/** In version 3, `or` ends the call unless another argument follows its right side. */
function argumentFollows(p: Parser, precedence: number): boolean {
  const at = p.lx.start
  const known = p.decided.get(at)
  if (known !== undefined) return known
  const follows = p.speculate(() => {
    p.next()
    do rightOperand(p, precedence + 1)
    while (isLogical(p) && (p.next(), true))
    return p.is(',')
  })
  p.decided.set(at, follows)
  return follows
}

function isLogical(p: Parser): boolean {
  return (PRECEDENCE[p.kind] ?? Infinity) <= 3
}

/** `as T`, which emits no code. The grammar of types decides where the type ends. */
function skipCast(p: Parser, left: Node): Node {
  const { source, lx } = p
  const end = scanType(source, lx.end, lx.limit, { functions: true, predicates: false })
  if (end === -1) lx.fail("'as' is followed by a type", lx.start, lx.end, 'Write `value as Type`.')
  const node = castValue(left)
  p.casts.set(node, keepType(p, lx.end, end))
  lx.jump(end)
  return node
}

/** With a cast, a range is a list of numbers even as the source of a loop, and a text is not repeated by `*`. */
function castValue(node: Node): Node {
  const { start, end } = node
  if (node.type === 'Range')
    return { type: 'Arr', items: [{ type: 'Spread', arg: node, start, end }], start, end }
  return node.type === 'Str' || node.type === 'Template' ? { type: 'Paren', body: node, start, end } : node
}

function parseOperator(p: Parser, left: Node, op: string, precedence: number): Node {
  const { start } = left
  p.next()
  if (op === 'not') {
    const inner = p.kind
    p.next()
    const right = parseBinary(p, precedence + 1)
    const node = membership(left, inner, right, start)
    if (inner === 'in' && node.type === 'In') return { ...node, negated: true }
    return { type: 'Unary', op: '!', arg: node, start, end: right.end }
  }
  if (p.is('INDENT')) p.lx.dropIndent()
  if (op === '**') {
    const right = parseBinary(p, POWER)
    return { type: 'Binary', op, left, right, start, end: right.end }
  }
  const right = rightOperand(p, precedence + 1)
  const { end } = right
  if (op === 'or' || op === '||') return { type: 'Logical', op: '||', left, right, start, end }
  if (op === 'and' || op === '&&') return { type: 'Logical', op: '&&', left, right, start, end }
  if (op === '??') return { type: 'Logical', op: '??', left, right, start, end }
  if (op === '=~') {
    if (left.type === 'Match')
      p.lx.fail('a match is not matched further', start, end, 'Match in a line of its own.')
    mentionMatch(p, start)
    return { type: 'Match', left, right, start, end }
  }
  if (op === 'in' || op === 'of') return membership(left, op, right, start)
  if (precedence === COMPARE) return comparison(left, op, right)
  if (op === '*') return { type: 'Binary', op, left: plainText(p, left), right, start, end }
  return { type: 'Binary', op, left, right, start, end }
}

/** A text without the parentheses around it, which `*` repeats; one with a cast is a value like others. */
function plainText(p: Parser, node: Node): Node {
  if (node.type !== 'Paren' || p.casts.has(node)) return node
  const inner = plainText(p, node.body)
  return inner.type === 'Str' ? inner : node
}

function rightOperand(p: Parser, minimum: number): Node {
  if (keyAt(p, p.lx.start)) return parseImplicitObject(p)
  return parseBinary(p, minimum)
}

function membership(left: Node, op: string, right: Node, start: number): Node {
  if (op === 'in') return { type: 'In', left, right, negated: false, start, end: right.end }
  return { type: 'Binary', op: op === 'of' ? 'in' : op, left, right, start, end: right.end }
}

const EQUALITY: Readonly<Record<string, string>> = { is: '===', '==': '===', isnt: '!==', '!=': '!==' }

function comparison(left: Node, spelled: string, right: Node): Node {
  const op = EQUALITY[spelled] ?? spelled
  const { start } = left
  const { end } = right
  if (left.type === 'Binary' && isComparison(left.op)) {
    return { type: 'Chain', operands: [left.left, left.right, right], ops: [left.op, op], start, end }
  }
  if (left.type === 'Chain') {
    return { type: 'Chain', operands: [...left.operands, right], ops: [...left.ops, op], start, end }
  }
  return { type: 'Binary', op, left, right, start, end }
}

function isComparison(op: string): boolean {
  return op === '<' || op === '>' || op === '<=' || op === '>=' || op === '===' || op === '!=='
}

/** `name! = ->`. */
const VOID_ASSIGN = /^!\s*=(?![=~>])/

/** `x? = y` is `x ?= y`; reactive declarations may be marked optional. */
const OPTIONAL_ASSIGN = /^[ \t]*(=(?![=>~])|:=|~=|~>)/

const UNARY: ReadonlySet<string> = new Set(['-', '+', '~', '!', 'not', 'typeof', 'delete'])

export function parseUnary(p: Parser): Node {
  const { kind, lx } = p
  const { start } = lx
  if (UNARY.has(kind)) {
    p.enter()
    p.next()
    const arg = kind === '-' || kind === '+' || kind === '~' ? parseBinary(p, POWER) : parseUnary(p)
    p.depth--
    if (kind === 'delete' && isName(arg))
      lx.fail("'delete' removes a property, not a variable", start, arg.end, 'Assign undefined to it.')
    return { type: 'Unary', op: kind === 'not' ? '!' : kind, arg, start, end: arg.end }
  }
  if (kind === '++' || kind === '--') {
    p.next()
    const arg = parseUnary(p)
    if (!isAssignable(arg) || arg.type === 'Arr' || arg.type === 'Obj')
      lx.fail(`${kind} needs something that can be assigned`, start, arg.end)
    assignTarget(p, arg, 'changed')
    return { type: 'Update', op: kind, arg, prefix: true, start, end: arg.end }
  }
  if (kind === '->' || kind === '=>') return withDots(p, parseArrow(p, start))
  if (isKeywordExpression(p)) return parseKeywordExpression(p)
  const operand = parsePostfix(p, p.primary())
  if (p.is('!') && operand.type === 'Id' && VOID_ASSIGN.test(p.source.slice(lx.start, lx.start + 40))) {
    p.next()
    const node = parseAssignment(p, operand)
    if (node.type === 'Assign' && node.value.type === 'Fn') node.value.isVoid = true
    return node
  }
  if (p.is('?') && !lx.spaced && isAssignable(operand)) {
    const operator = OPTIONAL_ASSIGN.exec(p.source.slice(lx.pos, lx.pos + 20))?.[1]
    if (operator !== undefined) p.next()
    if (operator === '=') return parseAssigned(p, operand, '?=')
  }
  if (!ASSIGN_OPERATORS.has(p.kind)) return operand
  return parseAssignment(p, operand)
}

function isName(node: Node): boolean {
  if (node.type === 'Paren') return isName(node.body)
  return node.type === 'Id' || (node.type === 'Keyword' && node.name === 'undefined')
}

function parseAssignment(p: Parser, target: Node): Node {
  p.enter()
  const op = p.kind as AssignOperator | '=!' | '?=' | ':=' | '~=' | '.=' | '~>'
  const node = parseAssigned(p, target, op)
  p.depth--
  return node
}
