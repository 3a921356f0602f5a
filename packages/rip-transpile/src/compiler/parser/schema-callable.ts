import type { Fn, SchemaCallable, SchemaKind } from '../ast.ts'
import { arrowFollows, parseArrow, parseReactiveFunction } from './functions.ts'
import type { Parser } from './parser.ts'

/** Whether the current token is a name with a colon. */
export function callableAt(p: Parser): boolean {
  const { source, lx } = p
  return source[lx.end] === ':' && source[lx.end + 1] !== ':'
}

/** `name: -> …`, `name: ~> …` or `name: !> …`; the current token is the name. */
export function parseCallable(p: Parser, kind: SchemaKind): SchemaCallable {
  const { lx } = p
  const { start, value: name } = lx
  const nameEnd = lx.end
  lx.readAsName()
  p.next()
  p.next()
  rejectParameters(p)
  if (arrowFollows(p)) {
    const fn = parseArrow(p, lx.start)
    if (fn.kind === 'fat') rejectFat(p, name, start, nameEnd)
    return { tag: 'method', name, fn, start, end: fn.end }
  }
  const tag = computedArrow(p)
  if (!tag) rejectColon(p, kind, name, start, nameEnd)
  const fn: Fn = { ...parseReactiveFunction(p, 'computed'), kind: 'thin' }
  if (fn.body.body.length === 0)
    lx.fail(`'${name}' has no value`, start, nameEnd, `Write \`${name}: ~> @first + @last\`.`)
  return { tag, name, fn, start, end: fn.end }
}

/** Accepts `~>` or `!>`. */
function computedArrow(p: Parser): 'computed' | 'derived' | undefined {
  const { lx, source } = p
  if (p.accept('~>')) return 'computed'
  if (!p.is('!') || source[lx.end] !== '>') return undefined
  p.next()
  p.next()
  return 'derived'
}

const ARROW_BEHIND = /[ \t]*(?:~>|!>)/y

function rejectParameters(p: Parser): void {
  const { lx, brackets, source } = p
  if (!p.is('(')) return
  ARROW_BEHIND.lastIndex = brackets.closeOf(lx.start) + 1
  if (ARROW_BEHIND.lastIndex === 0 || !ARROW_BEHIND.test(source)) return
  const hint = 'Write a method with -> instead.'
  lx.fail('a computed value takes no parameters', lx.start, ARROW_BEHIND.lastIndex, hint)
}

function rejectFat(p: Parser, name: string, start: number, end: number): never {
  const hint = `Write \`${name}: (…) -> …\`: @ is the object then.`
  return p.lx.fail('a method of a schema is written with ->', start, end, hint)
}

function rejectColon(p: Parser, kind: SchemaKind, name: string, start: number, end: number): never {
  if (kind === 'enum')
    p.lx.fail('a member of an enum is a :symbol', start, end + 1, `Write :${name} and a value behind it.`)
  const hint =
    `Write \`${name} type\` for a field, \`${name}: -> …\` for a method, \`${name}: ~> …\` for a computed ` +
    `value or \`${name}: !> …\` for a derived one.`
  return p.lx.fail('a field has no colon', start, end + 1, hint)
}
