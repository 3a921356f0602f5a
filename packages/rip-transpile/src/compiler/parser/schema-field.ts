import type { Fn, Node, SchemaField } from '../ast.ts'
import { COERCER_TYPES, COERCIBLE_TYPES, LIMITED_TYPES, SIZELESS_TYPES } from '../schema-words.ts'
import { parseArrow } from './functions.ts'
import { parseRegex, parseString } from './literals.ts'
import type { Parser } from './parser.ts'
import { endsLine, parseLiteral, parseNumber, parseSymbolName } from './schema-enum.ts'

/** A field, `name! type, constraints, -> transform`; the current token is its name. */
export function parseField(p: Parser): SchemaField {
  const { lx } = p
  const { start, value: name } = lx
  checkFieldName(p, name, start)
  lx.readAsName()
  p.next()
  const field: SchemaField = {
    tag: 'field',
    name,
    modifiers: parseModifiers(p),
    typeName: 'string',
    array: false,
    literals: undefined,
    coerce: false,
    coercer: undefined,
    unique: false,
    attrs: undefined,
    min: undefined,
    max: undefined,
    regex: undefined,
    default: undefined,
    transform: undefined,
    start,
    end: lx.lastEnd,
  }
  const bareEnd = lx.lastEnd
  parseType(p, field)
  parseConstraints(p, field, bareEnd)
  field.end = lx.lastEnd
  checkField(p, field)
  return field
}

/** Refuses all spellings of a name but one: lower camel case without two capitals in a row. */
function checkFieldName(p: Parser, name: string, start: number): void {
  if (/^[a-z](?:[a-z0-9]|[A-Z](?![A-Z]))*$/.test(name)) return
  const camel = name
    .replace(/^[_$]+/, '')
    .replace(/[_$]+(\w?)/g, (_, letter: string) => letter.toUpperCase())
    .replace(/[A-Z]{2,}/g, (run) => run[0]! + run.slice(1).toLowerCase())
    .replace(/^[A-Z]/, (letter) => letter.toLowerCase())
  const usable = /^[a-z][A-Za-z0-9]*$/.test(camel) ? camel : 'firstName'
  p.lx.fail(
    `'${name}' is not written like a field`,
    start,
    start + name.length,
    `Write ${usable}! -> it.${name} to take it from input of that name.`,
  )
}

const MODIFIERS: Readonly<Record<string, ('!' | '?')[]>> = {
  '!': ['!'],
  '?': ['?'],
  '!?': ['!', '?'],
  '?!': ['?', '!'],
}

function parseModifiers(p: Parser): ('!' | '?')[] {
  const found: ('!' | '?')[] = []
  while (!p.lx.spaced && Object.hasOwn(MODIFIERS, p.kind)) {
    found.push(...MODIFIERS[p.kind]!)
    p.next()
  }
  return found
}

function parseType(p: Parser, field: SchemaField): void {
  const { lx } = p
  if (p.is('"') || p.is("'")) return parseLiteralUnion(p, field)
  if (p.is('~')) return parseCoercion(p, field)
  if (!p.is('id')) return
  field.typeName = lx.value
  p.next()
  if (p.is('|')) rejectMixedUnion(p)
  if (!p.is('[') || lx.spaced || p.source[lx.end] !== ']') return
  field.array = true
  p.next()
  p.next()
  if (p.is('[') && !lx.spaced)
    lx.fail('a field holds a plain list', lx.start, lx.end, 'Declare a schema for the inner list.')
}

function rejectMixedUnion(p: Parser): never {
  const hint = 'Write "a" | "b", or a schema :union for objects.'
  return p.lx.fail('only texts are listed with |', p.lx.start, p.lx.end, hint)
}

function parseLiteralUnion(p: Parser, field: SchemaField): void {
  const literals: string[] = []
  for (;;) {
    if (!p.is('"') && !p.is("'")) rejectMixedUnion(p)
    const text = parseString(p)
    if (text.type !== 'Str') p.lx.fail('a choice must be plain text', text.start, text.end)
    literals.push(text.value)
    if (!p.accept('|')) break
  }
  field.typeName = 'literal-union'
  field.literals = literals
}

/** `~type` or `~:coercer`. */
function parseCoercion(p: Parser, field: SchemaField): void {
  const { lx } = p
  const { start } = lx
  p.next()
  field.coerce = true
  if (p.is(':')) {
    field.coercer = parseSymbolName(p)
    const known = Object.hasOwn(COERCER_TYPES, field.coercer) ? COERCER_TYPES[field.coercer] : undefined
    field.typeName = known?.typeName ?? 'any'
    field.array = known?.array ?? false
  } else {
    if (!COERCIBLE_TYPES.includes(lx.value)) {
      const types = COERCIBLE_TYPES.map((type) => `~${type}`).join(', ')
      lx.fail(`there is no conversion to '${lx.value}'`, start, lx.end, `There are ${types} and ~:name.`)
    }
    field.typeName = lx.value
    p.next()
  }
  if (p.is('[') && !lx.spaced)
    lx.fail('the elements of a list are not converted', start, lx.end, 'Convert them in a transform: -> …')
}

function parseConstraints(p: Parser, field: SchemaField, bareEnd: number): void {
  const { lx } = p
  for (;;) {
    const comma = p.accept(',')
    if (comma && p.is('INDENT')) lx.dropIndent()
    if (p.is('->') || p.is('=>')) return parseTransform(p, field, comma || lx.lastEnd === bareEnd)
    if (endsLine(p)) {
      if (comma) p.unexpected('expected a constraint behind the comma')
      return
    }
    parseConstraint(p, field)
  }
}

function parseTransform(p: Parser, field: SchemaField, separated: boolean): void {
  const { lx } = p
  if (!separated)
    lx.fail('a comma stands in front of a transform', lx.start, lx.end, `Write \`, ${p.kind} …\`.`)
  if (p.is('=>')) lx.fail('a transform is written with ->', lx.start, lx.end, 'Write -> …')
  if (field.coerce)
    lx.fail(
      'a value is converted once',
      lx.start,
      lx.end,
      'Remove the ~, and convert the value in the transform.',
    )
  const fn: Fn = parseArrow(p, lx.start)
  field.transform = fn
  if (p.is(',')) lx.fail('a transform ends its line', lx.start, lx.end, 'Put the rest in front of it.')
}

function parseConstraint(p: Parser, field: SchemaField): void {
  switch (p.kind) {
    case '[':
      return parseDefault(p, field)
    case '/':
    case '/=':
    case '//':
      return parsePattern(p, field)
    case '{':
      return parseAttributes(p, field)
    case '@':
      return parseMark(p, field)
    case 'num':
    case '-':
    case '..':
      return parseRange(p, field)
    case '...':
      p.lx.fail('a range of a field has two dots', p.lx.start, p.lx.end, 'Write 1..9: both ends count.')
      break
    default:
  }
  p.unexpected(`expected a constraint of '${field.name}'`, CONSTRAINTS)
}

const CONSTRAINTS = 'There are ranges 1..9, defaults ["x"], patterns /^x/ and, at the end, -> …'

function parseDefault(p: Parser, field: SchemaField): void {
  const { lx } = p
  const { start } = lx
  if (field.default) lx.fail('a field has one default', start, lx.end)
  const value = p.bracketed(() => {
    p.skipLayout()
    if (p.is('/')) lx.fail('a pattern has no brackets', lx.start, lx.end, 'Write /^x/.')
    if (p.is(']'))
      lx.fail('a default has a value', start, lx.end, 'Write ["x"]; a list of texts is string[].')
    const literal = parseLiteral(p)
    p.skipLayout()
    if (p.is(',')) lx.fail('a default is one value', start, lx.end, 'A range is written 8..100.')
    return literal
  })
  p.expect(']', 'behind the default')
  field.default = { value }
}

function parsePattern(p: Parser, field: SchemaField): void {
  const { lx } = p
  if (field.regex) lx.fail('a field has one pattern', lx.start, lx.end, 'Join them, or use @ensure.')
  const node: Node = parseRegex(p)
  if (node.type !== 'Regex')
    lx.fail('a pattern is known when the program is compiled', node.start, node.end, 'Use @ensure instead.')
  field.regex = node
}

function parseAttributes(p: Parser, field: SchemaField): void {
  const { lx } = p
  const { start } = lx
  if (field.attrs) lx.fail('a field has its options once', start, lx.end)
  const attrs: Record<string, string> = {}
  p.bracketed(() => {
    p.skipLayout()
    while (!p.is('}')) {
      const key = lx.value
      if (key !== 'was' && key !== 'column')
        lx.fail(`there is no option '${key}' of a field`, lx.start, lx.end, 'There are `was` and `column`.')
      p.next()
      p.expect(':', 'behind the option')
      if (!p.is('"') && !p.is("'")) lx.fail(`'${key}' is the name of a column`, lx.start, lx.end, 'Quote it.')
      const text = parseString(p)
      attrs[key] =
        text.type === 'Str' ? text.value : lx.fail('an option must be plain text', text.start, text.end)
      p.skipLayout()
      if (p.accept(',')) p.skipLayout()
    }
  })
  p.expect('}', 'behind the options')
  field.attrs = attrs
}

function parseMark(p: Parser, field: SchemaField): void {
  const { lx } = p
  const { start } = lx
  p.next()
  if (lx.value !== 'unique' || lx.start !== start + 1)
    lx.fail(`a field has no @${lx.value}`, start, lx.end, 'There is @unique.')
  if (field.unique) lx.fail('@unique is written twice', start, lx.end)
  field.unique = true
  p.next()
}

function parseRange(p: Parser, field: SchemaField): void {
  const { lx } = p
  const { start } = lx
  if (field.min !== undefined || field.max !== undefined)
    lx.fail('a field has one range', start, lx.end, 'Write both ends in one: 1..9.')
  const min = p.is('..') ? undefined : parseNumber(p)
  if (!p.is('..')) p.unexpected('expected .. behind the number', CONSTRAINTS)
  p.next()
  const max = p.is('num') || p.is('-') ? parseNumber(p) : undefined
  const end = lx.lastEnd
  if (min === undefined && max === undefined)
    lx.fail('this range has no end', start, end, 'Write 1.., ..9 or 1..9.')
  if (SIZELESS_TYPES.has(field.typeName) && !field.array)
    lx.fail(`a ${field.typeName} has no range`, start, end, 'Check it with @ensure.')
  if (field.literals) lx.fail('a list of texts has no range', start, end, 'Remove it: the list is the limit.')
  if (min !== undefined && max !== undefined && min > max)
    lx.fail('this range is reversed', start, end, `Write ${max}..${min}.`)
  field.min = min
  field.max = max
  // A required text must not be empty either.
  if (min === undefined && field.modifiers.includes('!')) {
    field.min = 1
    if (max! < 1)
      lx.fail(
        `nothing is both required and at most ${max}`,
        start,
        end,
        `Required with ..${max} means 1..${max}: write the lower end.`,
      )
  }
}

function checkField(p: Parser, field: SchemaField): void {
  const { typeName, array, regex, max, min } = field
  if (p.defaultMaxString === 0 || array || regex || max !== undefined || field.coercer !== undefined) return
  if (!LIMITED_TYPES.has(typeName)) return
  if (min !== undefined && min > p.defaultMaxString)
    p.lx.fail(
      `'${field.name}' is longer than schema.defaultMaxString`,
      field.start,
      field.end,
      `Write ${min}..${min * 2}, or raise the setting.`,
    )
  field.max = p.defaultMaxString
}
