import { describe, expect, test } from 'bun:test'
import { createRuntime } from '../src/create-runtime.ts'
import type { EntryDescription } from '../src/description.ts'
import { declare, field } from './describe-fields.ts'

describe('Standard Schema', () => {
  test('is on every kind of schema, and on lists', () => {
    const runtime = createRuntime()
    const member: EntryDescription = { tag: 'enum-member', name: 'a' }
    const schemas = [
      declare([field('a!')], { runtime, name: 'A' }),
      declare([field('a!')], { runtime, name: 'B', kind: 'shape' }),
      declare([member], { runtime, name: 'C', kind: 'enum' }),
      declare([field('a!')], { runtime, name: 'D', kind: 'mixin' }),
    ]
    for (const schema of [...schemas, schemas[0]!.array]) {
      const { version, vendor, validate } = schema['~standard']
      expect([version, vendor]).toEqual([1, 'rip'])
      expect(validate(Symbol('x'))).toHaveProperty('issues')
    }
  })

  test('gives the path of an issue as a list of keys', () => {
    const runtime = createRuntime()
    declare([field('sku!')], { runtime, name: 'Line' })
    const order = declare([field('lines!', 'Line', { array: true })], { runtime })
    expect(order['~standard'].validate({ lines: [{ sku: 'x' }, {}] })).toEqual({
      issues: [{ message: 'lines[1].sku is required', path: ['lines', 1, 'sku'] }],
    })
    expect(order['~standard'].validate(5)).toEqual({
      issues: [{ message: 'input must be an object; got a number' }],
    })
    expect(order['~standard'].validate({ lines: [] })).toEqual({ value: { lines: [] } })
  })

  test('is asynchronous if a rule is', async () => {
    const schema = declare([
      field('a!'),
      { tag: 'ensure', message: 'no', fn: async () => false, async: true },
    ])
    expect(await schema['~standard'].validate({ a: 'x' })).toEqual({ issues: [{ message: 'no' }] })
  })

  test('offers JSON Schema of one draft', () => {
    const { jsonSchema } = declare([field('a!')])['~standard']
    expect(jsonSchema.input({ target: 'draft-2020-12' })).toHaveProperty('properties')
    expect(() => jsonSchema.output({ target: 'draft-07' })).toThrow("'draft-07'")
  })
})

describe('JSON Schema', () => {
  test('has types, limits, formats, defaults and required fields', () => {
    const schema = declare([
      field('email!', 'email'),
      field('text!', 'string', { constraints: { min: 8, max: 100, regex: /^x/ } }),
      field('role!', 'string', { constraints: { default: 'user' } }),
      field('age?', 'integer', { coerce: true, constraints: { min: 18 } }),
      field('tags?', 'string', { array: true, constraints: { max: 5 } }),
      field('kind!', 'literal-union', { literals: ['a'] }),
      field('size?', 'literal-union', { literals: ['s', 'm'] }),
      field('own!', 'any', { transform: () => 1 }),
      { tag: 'ensure', message: 'rule', fn: () => true },
    ])
    expect(schema.toJSONSchema()).toEqual({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'X',
      type: 'object',
      properties: {
        email: { type: 'string', format: 'email' },
        text: { type: 'string', minLength: 8, maxLength: 100, pattern: '^x' },
        role: { type: 'string', default: 'user' },
        age: { type: 'integer', minimum: 18, description: 'Converted before it is checked (~integer).' },
        tags: { type: 'array', items: { type: 'string' }, maxItems: 5 },
        kind: { const: 'a' },
        size: { enum: ['s', 'm'] },
        own: { description: 'Computed from the whole input, whose keys may be others.' },
      },
      required: ['email', 'text', 'kind', 'own'],
      description: 'Also holds: rule.',
    })
  })

  test('refers to other schemas, also in cycles', () => {
    const runtime = createRuntime()
    const tree = declare([field('children?', 'Tree', { array: true })], { runtime, name: 'Tree' })
    const { $defs, properties } = tree.toJSONSchema() as Record<string, Record<string, unknown>>
    expect(properties).toEqual({ children: { type: 'array', items: { $ref: '#/$defs/Tree' } } })
    expect($defs!['Tree']).toEqual({ type: 'object', properties })
  })

  test('covers enums, unions and lists', () => {
    const runtime = createRuntime()
    const color = declare([{ tag: 'enum-member', name: 'red', value: 1 }], {
      runtime,
      name: 'Color',
      kind: 'enum',
    })
    expect(color.toJSONSchema()['enum']).toEqual([1])
    declare([field('k!', 'literal-union', { literals: ['a'] })], { runtime, name: 'A', kind: 'shape' })
    const union = declare(
      [
        { tag: 'directive', name: 'on', args: [{ field: 'k' }] },
        { tag: 'union-member', name: 'A' },
      ],
      { runtime, name: 'U', kind: 'union' },
    )
    expect(union.toJSONSchema()).toMatchObject({
      oneOf: [{ $ref: '#/$defs/A' }],
      discriminator: { propertyName: 'k' },
      $defs: { A: { type: 'object' } },
    })
    expect(union.array.toJSONSchema()).toMatchObject({ type: 'array', $defs: { A: { type: 'object' } } })
  })
})
