import type { Node, Schema, SchemaEntry, SchemaKind } from '../ast.ts'
import { isNameStart } from '../lexer.ts'
import { SCHEMA_KINDS } from '../schema-words.ts'
import type { Parser } from './parser.ts'
import { callableAt, parseCallable } from './schema-callable.ts'
import { parseDirective } from './schema-directive.ts'
import { parseEnumMember } from './schema-enum.ts'
import { parseField } from './schema-field.ts'

/**
 * Whether the name `schema` starts a declaration: a `:kind`, an indented body or a `;` follows. If the program has a
 * variable `schema`, only a kind makes it a declaration.
 */
export function schemaFollows(p: Parser): boolean {
  const { source, lx } = p
  const rest = source.slice(lx.end, lx.endOfLine(lx.end))
  const symbol = /^[ \t]+:([A-Za-z_]\w*)/.exec(rest)
  if (symbol && !p.mode.noColon) return isKind(symbol[1]!) || !ownsName(p)
  if (ownsName(p)) return false
  if (/^[ \t]*;/.test(rest)) return true
  return !p.mode.noIndentArgs && /^[ \t]*(?:#.*)?\r?$/.test(rest) && bodyFollows(p)
}

function isKind(word: string): boolean {
  return word === 'model' || (SCHEMA_KINDS as readonly string[]).includes(word)
}

/** Whether a variable of that name is visible here and declared before. */
export function ownsName(p: Parser): boolean {
  for (let scope: Parser['scope'] | undefined = p.scope; scope; scope = scope.parent) {
    if (scope.bound.has('schema')) return true
    if (scope.mentions.some(({ name, use }) => name === 'schema' && use !== 'read')) return true
  }
  return false
}

/** Whether the next line is indented deeper and starts like an entry of a body. */
function bodyFollows(p: Parser): boolean {
  return p.speculate(() => {
    p.next()
    return p.is('INDENT') && p.source[p.lx.start] !== '(' && p.source[p.lx.start] !== '['
  })
}

/** Gives a schema the name that it is assigned to. */
export function nameSchema(value: Node, name: string): void {
  if (value.type === 'Paren') nameSchema(value.body, name)
  else if (value.type === 'Schema') value.name = name
}

/** A schema; the current token is the word `schema`. */
export function parseSchema(p: Parser): Schema {
  const { lx } = p
  const { start } = lx
  p.next()
  const explicit = p.is(':') && lx.spaced ? parseKind(p) : undefined
  if (p.is(',')) rejectOptions(p, explicit)
  const body = p.fresh(() => {
    if (p.is(';')) return parseInlineBody(p, explicit)
    if (p.is('INDENT')) return parseIndentedBody(p, explicit)
    return rejectMissingBody(p, start)
  })
  const node: Schema = { type: 'Schema', name: undefined, ...body, start, end: lx.lastEnd }
  checkWhole(p, node)
  return node
}

interface Body {
  kind: SchemaKind
  entries: SchemaEntry[]
}

function parseKind(p: Parser): SchemaKind {
  const { lx } = p
  const { start } = lx
  p.next()
  const word = lx.value
  const end = lx.end
  lx.readAsName()
  p.next()
  if (word === 'model')
    lx.fail(
      'models are not supported yet',
      start,
      end,
      'Write :shape for the fields and methods. Tables, queries and migrations will come with :model.',
    )
  if (isKind(word)) return word as SchemaKind
  const kinds = SCHEMA_KINDS.map((kind) => `:${kind}`).join(', ')
  return lx.fail(`':${word}' is no kind of schema`, start, end, `There are ${kinds}.`)
}

function rejectOptions(p: Parser, kind: SchemaKind | undefined): never {
  const { lx } = p
  return lx.fail(
    `a schema${kind ? ` :${kind}` : ''} has no options`,
    lx.start,
    lx.end,
    'Indent its fields on the lines below, or write them behind a ;',
  )
}

function rejectMissingBody(p: Parser, start: number): never {
  const hint = 'Indent its fields on the lines below, or write `schema :shape; name! string`.'
  return p.lx.fail('this schema has no body', start, p.lx.lastEnd, hint)
}

function parseIndentedBody(p: Parser, explicit: SchemaKind | undefined): Body {
  p.enter()
  p.next()
  const entries: SchemaEntry[] = []
  p.skipNewlines()
  const kind = explicit ?? (p.is(':') ? 'enum' : 'input')
  while (!endsBody(p)) {
    entries.push(...parseEntry(p, kind, false))
    if (!endsBody(p) && !p.is('NEWLINE') && !p.is(';')) rejectRest(p)
    p.skipNewlines()
  }
  p.accept('DEDENT')
  p.depth--
  return { kind, entries }
}

const CLOSERS: ReadonlySet<string> = new Set([')', ']', '}', 'DEDENT', 'EOF'])

function endsBody(p: Parser): boolean {
  return CLOSERS.has(p.kind)
}

function parseInlineBody(p: Parser, explicit: SchemaKind | undefined): Body {
  const { lx } = p
  const { start } = lx
  p.next()
  if (p.is('NEWLINE') || endsBody(p)) {
    const hint = 'Write its fields behind the ;, or indent them on the lines below.'
    lx.fail('there is no entry after this ;', start, start + 1, hint)
  }
  const kind = explicit ?? (p.is(':') ? 'enum' : 'input')
  const entries: SchemaEntry[] = []
  for (;;) {
    entries.push(...parseEntry(p, kind, true))
    if (!p.is(';')) break
    const lineEnd = /^[ \t]*(?:#.*)?\r?(?:\n|$)/.test(p.source.slice(lx.end))
    p.next()
    if (lineEnd || endsBody(p) || p.is('NEWLINE')) break
  }
  if (!endsBody(p) && !p.is('NEWLINE') && !p.is(',')) rejectRest(p)
  return { kind, entries }
}

function rejectRest(p: Parser): never {
  return p.unexpected('expected the end of this line of the schema', HOW)
}

const HOW = 'A field is `name! type, constraints`, a method `name: -> …`, a computed value `name: ~> …`.'

/** The entries of one line; only a list of `@ensure` gives more than one. */
function parseEntry(p: Parser, kind: SchemaKind, inline: boolean): SchemaEntry[] {
  const { lx } = p
  const entries = parseLine(p, kind)
  const arrow = inline ? entries.find(hasArrow) : undefined
  if (arrow)
    lx.fail(
      'a schema on one line has no functions',
      arrow.start,
      arrow.end,
      'Indent its lines below `schema`: a ; could be part of the function.',
    )
  for (const entry of entries) checkCapability(p, kind, entry)
  return entries
}

function hasArrow(entry: SchemaEntry): boolean {
  return 'fn' in entry || (entry.tag === 'field' && entry.transform !== undefined)
}

function parseLine(p: Parser, kind: SchemaKind): SchemaEntry[] {
  const { lx } = p
  if (p.is('@')) return parseDirective(p, kind)
  if (p.is(':')) {
    if (kind !== 'enum') rejectMember(p, kind)
    return [parseEnumMember(p)]
  }
  if (!p.isWordLike()) rejectLine(p, kind)
  if (callableAt(p)) return [parseCallable(p, kind)]
  if (kind === 'enum') rejectEnumName(p)
  if (kind === 'union') return [parseUnionMember(p)]
  if (!isNameStart(lx.value.charCodeAt(0))) rejectLine(p, kind)
  return [parseField(p)]
}

function rejectMember(p: Parser, kind: SchemaKind): never {
  const hint = 'Write `name! type` for a field, or `schema :enum` for a list of values.'
  return p.lx.fail(`a schema :${kind} has no members`, p.lx.start, p.lx.end, hint)
}

function rejectEnumName(p: Parser): never {
  const { lx } = p
  const hint = `Write :${lx.value}, or :${lx.value} 1 for one with a value.`
  return lx.fail('a member of an enum is a :symbol', lx.start, lx.end, hint)
}

function rejectLine(p: Parser, kind: SchemaKind): never {
  if (p.is('"') || p.is("'")) {
    const hint = 'Name the field `dataId!` and take the value in a transform: `dataId! -> it["data-id"]`.'
    p.lx.fail('a field is a plain name', p.lx.start, p.lx.end, hint)
  }
  return p.unexpected(`expected a line of a schema :${kind}`, HOW)
}

function parseUnionMember(p: Parser): SchemaEntry {
  const { lx } = p
  const { start, end, value } = lx
  lx.readAsName()
  p.next()
  if (!p.is('NEWLINE') && !p.is(';') && !endsBody(p)) {
    const hint = 'Name one schema on each line; its fields belong to that schema.'
    lx.fail('a union lists schemas', start, Math.max(lx.end, end), hint)
  }
  return { tag: 'union-member', name: value, start, end }
}

/** Refuses an entry that this kind of schema cannot have, and names the kinds that can. */
function checkCapability(p: Parser, kind: SchemaKind, entry: SchemaEntry): void {
  const fail = (reason: string, hint: string): never => p.lx.fail(reason, entry.start, entry.end, hint)
  switch (entry.tag) {
    case 'method':
    case 'computed':
      if (kind !== 'shape')
        fail(
          `'${entry.name}' is a function, and a schema :${kind} has none`,
          'Write `schema :shape` for a schema with methods and computed values.',
        )
      return
    case 'derived':
      if (kind !== 'shape' && kind !== 'input')
        fail(`a schema :${kind} derives no values`, 'Write `schema :shape` for derived values.')
      return
    case 'ensure':
      if (kind === 'enum' || kind === 'mixin' || kind === 'union')
        fail(
          `a schema :${kind} takes no @ensure`,
          kind === 'mixin'
            ? 'Move it to the schemas that take the fields.'
            : 'Move it to a schema with fields.',
        )
      return
    case 'field':
      if (kind === 'mixin' && entry.transform)
        fail('a mixin holds plain fields', 'Move the transform to the schemas that take the field.')
      return
    default:
  }
}

function checkWhole(p: Parser, node: Schema): void {
  if (node.kind !== 'union') return
  const { lx } = p
  const on = node.entries.filter((entry) => entry.tag === 'on')
  const members = node.entries.filter((entry) => entry.tag === 'union-member')
  if (on.length !== 1)
    lx.fail(
      on.length === 0 ? 'this union does not say which field decides' : 'one field decides in a union',
      node.start,
      node.end,
      'Write `@on :kind` once, as the first line.',
    )
  if (members.length < 2)
    lx.fail('a union has at least two schemas', node.start, node.end, 'Name one on each line.')
}
