import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { createRuntime } from '../src/create-runtime.ts'
import type { FieldDescription } from '../src/description.ts'
import { fieldOf } from '../src/field.ts'
import { fieldReader } from '../src/field-reader.ts'
import { loopBuilder, objectBuilder } from '../src/object-builder.ts'
import type { SchemaIssue } from '../src/schema-error.ts'
import { Coercers } from '../src/coercers.ts'
import { valueCheck } from '../src/value-check.ts'
import { declare } from './describe-fields.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'constructor', 'toString']
const TYPES = ['string', 'text', 'email', 'zip', 'number', 'integer', 'boolean', 'date', 'json', 'any']

const limits = fc
  .tuple(fc.option(fc.integer({ min: -2, max: 3 })), fc.option(fc.integer({ min: 3, max: 9 })))
  .map(([min, max]) => ({ ...(min !== null && { min }), ...(max !== null && { max }) }))

const anyField = (name: string): fc.Arbitrary<FieldDescription> =>
  fc
    .record({
      modifiers: fc.constantFrom<string[]>(['!'], ['?'], []),
      typeName: fc.constantFrom(...TYPES),
      array: fc.boolean(),
      literals: fc.option(fc.constantFrom(['x'], ['x', 'yy'])),
      coerce: fc.boolean(),
      limits,
      regex: fc.option(fc.constantFrom(/^x/, /y/g, /x/y)),
      fallback: fc.option(fc.constantFrom<unknown>('x', 1, true)),
    })
    .map(({ coerce, fallback, limits: range, literals, regex, ...rest }): FieldDescription => {
      const constraints = {
        ...range,
        ...(regex && { regex }),
        ...(fallback !== null && { default: fallback }),
      }
      const coercible = ['integer', 'number', 'boolean', 'date'].includes(rest.typeName)
      return {
        tag: 'field',
        name,
        ...rest,
        constraints,
        ...(literals ? { literals, typeName: 'literal-union' } : coercible && coerce && { coerce: true }),
      }
    })

const anyFields = fc
  .uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 8 })
  .chain((names) => fc.tuple(...names.map(anyField)))

const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom('x', 'yy', '12345', 'a@b.c', '2024-01-01', '7', '', null, undefined, true, new Date(5)),
  fc.integer({ min: -3, max: 12 }),
  fc.double(),
  fc.string({ maxLength: 12 }),
  fc.array(fc.constantFrom('x', 1, true, null, '2024-01-01'), { maxLength: 4 }),
  fc.dictionary(fc.constantFrom('a', 'b'), fc.integer(), { maxKeys: 2 }),
)

const anyInput = fc.dictionary(fc.constantFrom(...NAMES, 'other'), anyValue, { noNullPrototype: true })

test('the generated builder and the loop accept the same inputs, with the same values and issues', () => {
  fc.assert(
    fc.property(anyFields, anyInput, (fields, input) => {
      const readers = fields.map((entry) => {
        const field = fieldOf(entry)
        return fieldReader(
          field,
          valueCheck(field, () => undefined),
          new Coercers(),
        )
      })
      const [fast, slow]: SchemaIssue[][] = [[], []]
      const quick = objectBuilder(readers, undefined)(input, 'at.', fast!)
      const plain = loopBuilder(readers, undefined)(input, 'at.', slow!)
      expect(fast).toEqual(slow!)
      if (fast!.length > 0) return
      expect(quick).toEqual(plain)
      expect(Object.keys(quick as object)).toEqual(Object.keys(plain as object))
    }),
    { numRuns: 500 },
  )
})

test('an accepted value is accepted again, unchanged', () => {
  fc.assert(
    fc.property(anyFields, anyInput, (fields, input) => {
      const schema = declare(fields)
      const first = schema.safe(input)
      if (!first.ok) return
      expect(schema.safe(first.value)).toEqual(first)
    }),
    { numRuns: 300 },
  )
})

test('the six methods and Standard Schema agree, and every issue names a field and a reason', async () => {
  await fc.assert(
    fc.asyncProperty(anyFields, anyInput, async (fields, input) => {
      const schema = declare(fields)
      const result = schema.safe(input)
      expect(schema.ok(input)).toBe(result.ok)
      expect(await schema.safeAsync(input)).toEqual(result)
      expect(await schema.okAsync(input)).toBe(result.ok)
      const standard = await schema['~standard'].validate(input)
      if (result.ok) {
        expect(schema.parse(input)).toEqual(result.value)
        expect(standard).toEqual({ value: result.value })
        return
      }
      expect(() => schema.parse(input)).toThrow(result.errors[0]!.message)
      const refused: unknown = await schema.parseAsync(input).catch((error: unknown) => error)
      expect(String(refused)).toContain(result.errors[0]!.message)
      expect('issues' in standard && standard.issues.map(({ message }) => message)).toEqual(
        result.errors.map(({ message }) => message),
      )
      for (const { field } of result.errors) expect(NAMES).toContain(field.replace(/\[\d+\]$/, ''))
    }),
    { numRuns: 150 },
  )
})

test('any value is accepted or refused without an exception', () => {
  fc.assert(
    fc.property(anyFields, fc.anything(), (fields, value) => {
      const schema = declare(fields)
      expect(typeof schema.ok(value)).toBe('boolean')
      expect(typeof schema.array.ok(value)).toBe('boolean')
    }),
    { numRuns: 300 },
  )
})

test('picking fields and omitting them splits a schema in two', () => {
  fc.assert(
    fc.property(anyFields, fc.array(fc.nat()), (fields, numbers) => {
      const schema = declare(fields)
      const keys = [...new Set(numbers.map((number) => fields[number % fields.length]!.name))]
      const picked = [...schema.pick(keys).parts.fields.keys()]
      const rest = [...schema.omit(keys).parts.fields.keys()]
      expect(picked).toEqual(keys)
      expect([...picked, ...rest].toSorted()).toEqual(fields.map(({ name }) => name).toSorted())
    }),
  )
})

test('two runtimes share no names', () => {
  const [one, other] = [createRuntime(), createRuntime()]
  declare([], { name: 'A', runtime: one })
  expect(other.SchemaRegistry.has('A')).toBe(false)
})
