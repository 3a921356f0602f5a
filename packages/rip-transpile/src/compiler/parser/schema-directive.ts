import type { SchemaEnsure, SchemaEntry, SchemaKind } from '../ast.ts'
import { MODEL_DIRECTIVES } from '../schema-words.ts'
import { arrowFollows, parseArrow } from './functions.ts'
import { parseString } from './literals.ts'
import type { Parser } from './parser.ts'
import { parseSymbolName } from './schema-enum.ts'

/** A line that starts with `@`, the current token. */
export function parseDirective(p: Parser, kind: SchemaKind): SchemaEntry[] {
  const { lx } = p
  const { start } = lx
  p.next()
  const name = p.isWordLike() && lx.start === start + 1 ? lx.value : ''
  const { end } = lx
  if (name === '') p.unexpected('expected the name of a directive behind @')
  lx.readAsName()
  p.next()
  switch (name) {
    case 'mixin':
      return [parseMixin(p, kind, start)]
    case 'ensure':
      return parseEnsure(p, start)
    case 'on':
      return [parseOn(p, kind, start)]
    default:
      return rejectDirective(p, kind, name, start, end)
  }
}

function rejectDirective(p: Parser, kind: SchemaKind, name: string, start: number, end: number): never {
  if (MODEL_DIRECTIVES.has(name))
    p.lx.fail(
      `@${name} belongs to a model, and this is a schema :${kind}`,
      start,
      end,
      'Remove it: models are not supported yet.',
    )
  const hint = kind === 'union' ? 'A union has `@on :field`.' : 'There are @mixin and @ensure.'
  return p.lx.fail(`there is no @${name} in a schema`, start, end, hint)
}

function parseMixin(p: Parser, kind: SchemaKind, start: number): SchemaEntry {
  const { lx } = p
  if (kind === 'enum' || kind === 'union')
    lx.fail(`a schema :${kind} has no fields to take`, start, lx.lastEnd, 'Remove @mixin.')
  if (!p.is('id')) lx.fail('@mixin names a schema', start, lx.lastEnd, 'Write `@mixin Timestamps`.')
  const name = lx.value
  p.next()
  if (p.is(',')) lx.fail('@mixin names one schema', lx.start, lx.end, 'Write one @mixin on each line.')
  return { tag: 'mixin', name, start, end: lx.lastEnd }
}

function parseOn(p: Parser, kind: SchemaKind, start: number): SchemaEntry {
  const { lx } = p
  if (kind !== 'union') lx.fail(`@on is for unions only`, start, lx.lastEnd, 'Write `schema :union`.')
  if (!p.is(':')) lx.fail('@on names a field', start, lx.lastEnd, 'Write `@on :kind`.')
  const name = parseSymbolName(p)
  return { tag: 'on', name, start, end: lx.lastEnd }
}

function parseEnsure(p: Parser, start: number): SchemaEnsure[] {
  const { lx } = p
  const isAsync = p.is('!') && !lx.spaced
  if (isAsync) p.next()
  if (!p.is('[')) return [parseRefinement(p, isAsync, start)]
  const list = p.bracketed(() => {
    const found: SchemaEnsure[] = []
    p.skipLayout()
    while (!p.is(']')) {
      found.push(parseRefinement(p, isAsync, lx.start))
      p.skipLayout()
      if (p.accept(',')) p.skipLayout()
    }
    return found
  })
  p.expect(']', 'behind the rules')
  return list
}

const EXAMPLE = 'Write `@ensure "ends after it starts", (it) -> it.start < it.end`.'

function parseRefinement(p: Parser, isAsync: boolean, start: number): SchemaEnsure {
  const { lx } = p
  if (!p.is('"') && !p.is("'")) lx.fail('@ensure starts with its message', start, lx.lastEnd, EXAMPLE)
  const text = parseString(p)
  if (text.type !== 'Str')
    return lx.fail('the message of @ensure is plain text', text.start, text.end, EXAMPLE)
  let field: string | undefined
  let comma = p.accept(',')
  if (comma && p.is(':')) {
    field = parseSymbolName(p)
    comma = p.accept(',')
  }
  if (comma) skipBreak(p)
  if (!comma || !arrowFollows(p) || !p.is('('))
    lx.fail('@ensure has a function behind its message', start, lx.lastEnd, EXAMPLE)
  const fn = parseArrow(p, lx.start)
  if (fn.params.length === 0) lx.fail('the function of @ensure needs a parameter', fn.start, fn.end, EXAMPLE)
  return { tag: 'ensure', message: text.value, field, isAsync, fn, start, end: fn.end }
}

function skipBreak(p: Parser): void {
  if (p.is('INDENT')) p.lx.dropIndent()
}
