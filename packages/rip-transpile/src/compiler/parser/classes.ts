import type { Class, Member, Node } from '../ast.ts'
import { Scope } from '../scope.ts'
import { rejectMember } from './diagnostics.ts'
import { arrowFollows, parseArrow, withoutWaiting } from './functions.ts'
import { bindName, identifier } from './names.ts'
import { parseKey } from './objects.ts'
import type { Parser } from './parser.ts'
import { skipType, skipTypeParameters } from './types.ts'

export function parseClass(p: Parser): Class {
  const { lx } = p
  const { start } = lx
  p.next()
  let name: string | undefined
  const nameStart = lx.start
  let typeParameters: string | undefined
  if (p.is('id')) {
    name = lx.value
    bindName(p, p.scope, name, nameStart, 'class')
    p.next()
    if (p.is('.') && !lx.spaced)
      lx.fail('the name of a class has no dots', lx.start, lx.end, 'Assign it: `A.b = class`.')
    if (p.is('<') && !lx.spaced) typeParameters = skipTypeParameters(p)
  }
  const parent = p.accept('extends') ? p.head(() => parseParent(p)) : undefined
  const parentArguments = parent && p.is('<') ? skipTypeParameters(p) : undefined
  if (p.isWord('implements')) lx.fail("'implements' does not exist here", lx.start, lx.end, 'Remove it.')
  // `class E extends Error then noop` has no members.
  if (p.is('then') && p.source.slice(lx.end, lx.endOfLine(lx.end)).trim() === 'noop') {
    p.next()
    p.next()
  }
  const scope = new Scope(p.scope, false)
  const members = p.withScope(scope, () => p.fresh(() => (p.is('INDENT') ? parseMembers(p) : [])))
  return {
    type: 'Class',
    name,
    nameStart,
    typeParameters,
    parent,
    parentArguments,
    members,
    scope,
    start,
    end: lx.lastEnd,
  }
}

const GENERIC_PARENT = /[A-Za-z_$][\w$]*<[^\n]*>[ \t]*(?=\r?\n|$)/y

function parseParent(p: Parser): Node {
  const { lx } = p
  const { value, start, end } = lx
  GENERIC_PARENT.lastIndex = start
  if (!GENERIC_PARENT.test(p.source)) return p.expression()
  p.next()
  return identifier(p, value, start, end)
}

function parseMembers(p: Parser): Member[] {
  const members: Member[] = []
  p.next()
  p.skipNewlines()
  while (!p.is('DEDENT') && !p.is('EOF')) {
    const member = parseMember(p)
    checkMemberName(p, member)
    members.push(member)
    if (isConstructor(member) && members.filter(isConstructor).length > 1)
      p.lx.fail('a class has one constructor', member.start, member.end)
    if (!p.is('DEDENT') && !p.is('NEWLINE') && !p.is(';') && !p.is('EOF')) {
      p.unexpected('expected the next member of the class')
    }
    p.skipNewlines()
  }
  p.accept('DEDENT')
  return members
}

/** Refuses the two member names that have a fixed meaning in JavaScript. */
function checkMemberName(p: Parser, member: Member): void {
  const { key } = member
  const name = key.type === 'Id' ? key.name : key.type === 'Str' ? key.value : ''
  const isField = member.kind === 'field' && name === 'constructor'
  if (member.computed || !(isField || (member.isStatic && name === 'prototype'))) return
  p.lx.fail(`'${name}' cannot name this member of a class`, key.start, key.end, 'Choose another name.')
}

function isConstructor(member: Member): boolean {
  return member.value?.type === 'Fn' && member.value.isConstructor
}

function parseMember(p: Parser): Member {
  const { lx } = p
  const { start } = lx
  if (p.is('class') && /^[ \t]+@/.test(p.source.slice(lx.end, lx.end + 8))) return parseInnerClass(p)
  const isStatic = p.accept('@')
  const isVoidName = /^[\w$]+!\s*:/.test(p.source.slice(lx.start, lx.start + 80))
  const { key, computed } = parseKey(p)
  if (isVoidName) p.next()
  const optional = p.accept('?')
  let annotation: string | undefined
  if (p.is(':')) {
    const field = parseColonMember(p, key, computed, isStatic, isVoidName, start)
    if (field !== 'typed') return field
    annotation = skipType(p, 'binding')
  }
  const rest = { key, computed, isStatic, annotation, optional, scope: undefined, start }
  if (!p.is('=')) {
    if (p.is('NEWLINE') || p.is('DEDENT') || p.is('EOF'))
      return { ...rest, kind: 'field', value: undefined, end: lx.lastEnd }
    rejectMember(p, key)
  }
  p.next()
  const inner = new Scope(p.scope, true)
  const value = p.withScope(inner, () => withoutWaiting(p, () => p.rightSide()))
  const found = inner.mentions.find((mention) => mention.name === 'arguments')
  if (found) lx.fail('a field has no arguments', found.at, found.at + 9, 'Set the field in the constructor.')
  return { ...rest, kind: 'field', value, scope: inner, end: value.end }
}

const STATIC_FIELD = {
  kind: 'field',
  computed: false,
  isStatic: true,
  annotation: undefined,
  optional: false,
} as const

/** `class @Name` in a class body: a static field that holds another class. */
function parseInnerClass(p: Parser): Member {
  const { start } = p.lx
  p.next()
  const inner = new Scope(p.scope, true)
  const value = p.withScope(inner, () => parseClass(p))
  if (!value.name) p.lx.fail('a class in a class has a name', start, p.lx.lastEnd, 'Write `class @Name`.')
  const key: Node = { type: 'Id', name: value.name, start: value.nameStart, end: value.nameStart }
  return { ...STATIC_FIELD, key, value, scope: inner, start, end: value.end }
}

function parseColonMember(
  p: Parser,
  key: Node,
  computed: boolean,
  isStatic: boolean,
  isVoid: boolean,
  start: number,
): Member | 'typed' {
  const saved = p.lx.save()
  p.next()
  const { lx } = p
  // `data-src: 1` is a field, as in version 3: there is no other syntax for a field of that name.
  if (key.type === 'Str' && p.source[key.start] !== '"' && p.source[key.start] !== "'") {
    const scope = new Scope(p.scope, true)
    const value = p.withScope(scope, () => withoutWaiting(p, () => p.rightSide()))
    return {
      scope,
      annotation: undefined,
      optional: false,
      kind: 'field',
      key,
      computed,
      isStatic,
      value,
      start,
      end: value.end,
    }
  }
  const isAsync = p.isWord('async') && /^\s*[(-=]/.test(p.source.slice(lx.end, lx.end + 4))
  if (isAsync) p.next()
  const isWrapped = !arrowFollows(p)
  if (isWrapped && !wrappedArrowFollows(p)) {
    lx.restore(saved)
    const rest = p.source.slice(lx.end, lx.endOfLine(lx.end))
    if (/^\s*[A-Za-z{[("']/.test(rest) && !/^\s*(?:true|false|null|yes|no)\b/.test(rest)) return 'typed'
    lx.fail(
      'a field of a class is written with =',
      start,
      lx.end,
      `Write ${p.source.slice(start, key.end)} = …`,
    )
  }
  const constructs = !isStatic && key.type === 'Id' && key.name === 'constructor'
  const shape = { isVoid, isConstructor: constructs }
  const fn = isWrapped
    ? parseWrapped(p, () => parseArrow(p, lx.start, shape))
    : parseArrow(p, lx.start, shape)
  if (isAsync) fn.isAsync = true
  if (constructs && fn.isAsync) lx.fail('a constructor cannot wait', start, key.end)
  if (constructs && fn.isGenerator) lx.fail('a constructor cannot yield', start, key.end)
  const plain = { annotation: undefined, optional: false, scope: undefined } as const
  return { ...plain, kind: 'method', key, computed, isStatic, value: fn, start, end: fn.end }
}

/** Whether a thin arrow in parentheses of its own follows, which no type can be. */
function wrappedArrowFollows(p: Parser): boolean {
  return p.is('(') && WRAPPED_ARROW.test(p.source.slice(p.lx.start, p.lx.start + 200))
}

const WRAPPED_ARROW = /^\(\s*(?:\([^()]*\)\s*)?->/

function parseWrapped<T>(p: Parser, parse: () => T): T {
  const result = p.bracketed(parse)
  p.skipLayoutTo(')')
  p.next()
  return result
}
