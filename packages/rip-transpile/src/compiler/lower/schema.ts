import type { Schema, SchemaEntry, SchemaField, SchemaLiteral } from '../ast.ts'
import { SCHEMA_FUNCTION } from '../schema-runtime.ts'
import { array, call, id, num, raw, str, undefinedValue } from './js.ts'
import type { Js } from './estree.ts'
import type { Lowerer } from './lowerer.ts'

type Pair = [name: string, value: Js | undefined]

/** A schema as a call of the runtime with the description of its body. */
export function lowerSchema(l: Lowerer, node: Schema): Js {
  const description = object([
    ['kind', str(node.kind)],
    ['name', node.name === undefined ? undefined : str(node.name)],
    ['entries', array(node.entries.map((entry) => lowerEntry(l, entry)))],
  ])
  return call(l.use(SCHEMA_FUNCTION, node.start), [description])
}

function object(pairs: readonly Pair[], at?: number): Js {
  const properties = pairs.flatMap(([name, value]) => (value ? [property(name, value)] : []))
  return { type: 'ObjectExpression', properties, at }
}

function property(name: string, value: Js): Js {
  return {
    type: 'Property',
    kind: 'init',
    key: id(name),
    value,
    computed: false,
    shorthand: false,
    method: false,
  }
}

function lowerEntry(l: Lowerer, entry: SchemaEntry): Js {
  switch (entry.tag) {
    case 'field':
      return lowerField(l, entry)
    case 'ensure':
      return object(
        [
          ['tag', str(entry.tag)],
          ['message', str(entry.message)],
          ['fn', l.expression(entry.fn)],
          ['field', entry.field === undefined ? undefined : str(entry.field)],
          ['async', flag(entry.isAsync)],
        ],
        entry.start,
      )
    case 'mixin':
      return directive('mixin', 'target', entry.name, entry.start)
    case 'on':
      return directive('on', 'field', entry.name, entry.start)
    case 'union-member':
      return object([...named(entry)], entry.start)
    case 'enum-member':
      return object([...named(entry), ['value', entry.value && literal(entry.value.value)]], entry.start)
    default:
      return object([...named(entry), ['fn', l.expression(entry.fn)]], entry.start)
  }
}

function named(entry: { tag: string; name: string }): Pair[] {
  return [
    ['tag', str(entry.tag)],
    ['name', str(entry.name)],
  ]
}

function directive(name: string, key: string, value: string, at: number): Js {
  return object(
    [
      ['tag', str('directive')],
      ['name', str(name)],
      ['args', array([object([[key, str(value)]])])],
    ],
    at,
  )
}

function lowerField(l: Lowerer, field: SchemaField): Js {
  const constraints: Pair[] = [
    ['min', field.min === undefined ? undefined : num(field.min)],
    ['max', field.max === undefined ? undefined : num(field.max)],
    ['default', field.default && literal(field.default.value)],
    ['regex', field.regex && l.expression(field.regex)],
  ]
  const attrs = field.attrs && Object.entries(field.attrs).map(([key, text]): Pair => [key, str(text)])
  return object(
    [
      ...named(field),
      ['modifiers', array(field.modifiers.map((modifier) => str(modifier)))],
      ['typeName', str(field.typeName)],
      ['array', raw(String(field.array))],
      ['unique', flag(field.unique)],
      ['literals', field.literals && array(field.literals.map((text) => str(text)))],
      ['coerce', flag(field.coerce)],
      ['coercer', field.coercer === undefined ? undefined : str(field.coercer)],
      ['constraints', constraints.some(([, value]) => value) ? object(constraints) : undefined],
      ['attrs', attrs && object(attrs)],
      ['transform', field.transform && l.expression(field.transform)],
    ],
    field.start,
  )
}

function flag(isSet: boolean): Js | undefined {
  return isSet ? raw('true') : undefined
}

function literal(value: SchemaLiteral): Js {
  if (value === undefined) return undefinedValue()
  if (typeof value === 'string') return str(value)
  return typeof value === 'number' ? num(value) : raw(String(value))
}
