import type { Identifier } from '../ast.ts'
import type { Binding, Form } from '../binding.ts'
import { conflictOf } from '../conflict.ts'
import type { Conflict } from '../conflict.ts'
import { isReserved } from '../lexer.ts'
import type { Scope } from '../scope.ts'
import type { Parser } from './parser.ts'

/** Words that are free in Rip, but cannot name a variable in a JavaScript module. */
const RESERVED_IN_JS: ReadonlySet<string> = new Set(
  'default enum void implements interface package private protected public static'.split(' '),
)

/** Refuses a name that no variable can have. */
export function checkName(p: Parser, name: string, start: number): void {
  if (name === 'enum')
    p.lx.fail("'enum' has a name and indented members", start, start + 4, 'Write a member on each line.')
  if (RESERVED_IN_JS.has(name))
    p.lx.fail(
      `'${name}' is a reserved word of JavaScript`,
      start,
      start + name.length,
      'Choose another name.',
    )
}

/** Whether JavaScript does not allow a variable of that name. */
export function isFixedName(name: string): boolean {
  return isReserved(name) || RESERVED_IN_JS.has(name) || name === 'eval' || name === 'arguments'
}

/** Refuses to assign or declare a name that has a fixed meaning. */
export function checkWritable(p: Parser, name: string, start: number): void {
  checkName(p, name, start)
  if (isReserved(name) || name === 'eval' || name === 'arguments')
    p.lx.fail(
      `'${name}' has a fixed meaning and cannot name a variable`,
      start,
      start + name.length,
      'Choose another name.',
    )
}

/** Refuses a name of the caught error that its clause declares again: JavaScript has both in one scope. */
function caughtHere(p: Parser, target: Scope, name: string, binding: Binding): Conflict | undefined {
  for (let scope = p.scope; scope !== target && scope.parent; scope = scope.parent) {
    const bound = scope.bound.get(name)
    if (bound?.form === 'catch') return conflictOf(name, bound, binding)
  }
  return undefined
}

/** Declares a name in a scope; one pattern or list may declare a name only once. */
export function bindName(p: Parser, scope: Scope, name: string, start: number, form: Form): void {
  checkWritable(p, name, start)
  const binding = { form, at: start, block: p.block }
  const before = scope.bound.get(name)
  const conflict = (before && conflictOf(name, before, binding)) ?? caughtHere(p, scope, name, binding)
  if (conflict) p.lx.fail(conflict.reason, start, start + name.length, conflict.hint)
  p.lx.names.add(name)
  scope.bind(name, binding)
}

/**
 * The result of a match is in `_` of the surrounding function; the default of a parameter is evaluated before `_`
 * exists.
 */
export function mentionMatch(p: Parser, start: number): void {
  if (p.mode.inParameters)
    p.lx.fail('a parameter cannot contain a match', start, p.lx.lastEnd, 'Match in the body of the function.')
  p.scope.mention('_', start, 'matched')
}

/** A name that is read. */
export function identifier(p: Parser, name: string, start: number, end: number): Identifier {
  checkName(p, name, start)
  p.scope.mention(name, start, 'read')
  p.lx.names.add(name)
  return { type: 'Id', name, start, end }
}
