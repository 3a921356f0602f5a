import { describe, expect, test } from 'bun:test'
import { declare, faults, field } from './describe-fields.ts'

describe('a type accepts', () => {
  const cases: [typeName: string, accepted: unknown[], refused: unknown[]][] = [
    ['string', ['', 'a'], [1, true, {}, []]],
    ['text', ['', 'a'], [1]],
    ['email', ['a@b.c', 'a@b..c', 'a@..c'], ['a', 'a@b', 'a@.b', 'a@b.', 'a b@c.d', 'a@b.c@', 1]],
    ['url', ['http://a', 'https://a.b/c'], ['ftp://a', 'a', 1]],
    ['uuid', ['123e4567-e89b-12d3-a456-426614174000'], ['123', 1]],
    ['phone', ['+1 (2) 3-4'], ['x', 1]],
    ['zip', ['94301', '94301-1234'], ['9430', '94301-12', 94301]],
    ['number', [1.5, -0, Infinity], [NaN, '1']],
    ['integer', [1, -3], [1.5, '1', Infinity]],
    ['boolean', [true, false], [0, 'true']],
    ['json', [0, '', {}, []], []],
    ['any', [0, '', {}, []], []],
    ['Unknown', [0, {}, []], []],
  ]
  for (const [typeName, accepted, refused] of cases) {
    test(`its values: ${typeName}`, () => {
      const schema = declare([field('a!', typeName)])
      for (const a of accepted) expect(schema.parse({ a })).toEqual({ a })
      for (const a of refused) expect(faults(schema, { a })).toEqual(['a type'])
    })
  }

  test('dates as Date and as ISO texts that the calendar has', () => {
    const schema = declare([field('a!', 'date'), field('b?', 'datetime')])
    const { a, b } = schema.parse({ a: '2024-02-29', b: '2024-01-01T10:00:00+02:00' }) as Record<string, Date>
    expect([a!.toISOString(), b!.toISOString()]).toEqual([
      '2024-02-29T00:00:00.000Z',
      '2024-01-01T08:00:00.000Z',
    ])
    for (const wrong of ['2023-02-29', '2024-02-30', '5', '2024-1-1', '2024-01', 5, new Date(NaN)])
      expect(faults(schema, { a: wrong })).toEqual(['a type'])
  })
})

test.each(['email', 'url', 'uuid', 'phone', 'zip', 'date', 'datetime'])(
  'a text of a million characters is refused as %s without trying its parts in turn',
  (typeName) => {
    const schema = declare([field('a!', typeName), field('b?', 'number', { coerce: true })])
    const texts = ['a@' + '.'.repeat(1e6) + '@', '1'.repeat(1e6) + 'x', ' '.repeat(1e6) + 'x']
    for (const text of texts) expect(faults(schema, { a: text, b: text })).toEqual(['a type', 'b coerce'])
  },
)

describe('a field', () => {
  test('without a modifier or with ? may be missing or null, with ! it may not', () => {
    const schema = declare([field('a!'), field('b?'), field('c')])
    expect(schema.parse({ a: 'x', b: null, more: 1 })).toEqual({ a: 'x', b: null })
    expect(faults(schema, { a: null })).toEqual(['a required'])
    expect(faults(schema, {})).toEqual(['a required'])
  })

  test('takes its default if the input has no value, and checks it', () => {
    const schema = declare([
      field('a!', 'integer', { constraints: { default: 3 } }),
      field('b?', 'integer', { constraints: { default: 0 } }),
    ])
    expect(schema.parse({ a: null })).toEqual({ a: 3, b: 0 })
    expect(faults(declare([field('a?', 'integer', { constraints: { default: 'x' } })]), {})).toEqual([
      'a type',
    ])
  })

  test('has limits that depend on its type: length, value, number of elements', () => {
    const limits = { constraints: { min: 2, max: 3 } }
    const schema = declare([
      field('text?', 'string', limits),
      field('number?', 'integer', limits),
      field('list?', 'string', { ...limits, array: true }),
    ])
    expect(schema.ok({ text: 'ab', number: 3, list: ['a', 'b', 'c'] })).toBe(true)
    expect(faults(schema, { text: 'a', number: 1, list: [] })).toEqual(['text min', 'number min', 'list min'])
    expect(faults(schema, { text: 'abcd', number: 4, list: ['', '', '', ''] })).toEqual([
      'text max',
      'number max',
      'list max',
    ])
  })

  test('reports every limit that a value exceeds', () => {
    const schema = declare([field('a!', 'string', { constraints: { min: 5, regex: /^z/ } })])
    expect(faults(schema, { a: 'b' })).toEqual(['a min', 'a pattern'])
  })

  test('matches its pattern from the start each time, with any flags', () => {
    for (const regex of [/a/g, /a/y, /a/]) {
      const schema = declare([field('a!', 'string', { constraints: { regex } })])
      expect([1, 2, 3].map(() => schema.ok({ a: 'a' }))).toEqual([true, true, true])
    }
  })

  test('lists its choices', () => {
    const schema = declare([field('a!', 'literal-union', { literals: ['x', 'y'] })])
    expect(schema.ok({ a: 'x' })).toBe(true)
    expect(schema.safe({ a: 'z' }).errors).toEqual([
      { field: 'a', error: 'enum', message: 'a must be one of "x", "y"' },
    ])
  })

  test('checks each element of a list and names the index', () => {
    const schema = declare([field('a!', 'string', { array: true })])
    expect(schema.safe({ a: ['x', 1, null] }).errors).toEqual([
      { field: 'a[1]', error: 'type', message: 'a[1] must be string' },
      { field: 'a[2]', error: 'type', message: 'a[2] must be string' },
    ])
    expect(faults(schema, { a: 'x' })).toEqual(['a type'])
  })

  test('is computed by a transform from the whole input, then checked', () => {
    const schema = declare([
      field('id!', 'integer', { transform: (it) => (it as { Id: unknown }).Id }),
      field('b?', 'string', {
        transform: () => {
          throw new Error('bad')
        },
      }),
    ])
    expect(schema.safe({ Id: 'x' }).errors).toEqual([
      { field: 'id', error: 'type', message: 'id must be integer' },
      { field: 'b', error: 'transform', message: 'bad' },
    ])
  })

  test('with the name of a property that every object inherits is read only if the input has it as its own', () => {
    const schema = declare([field('constructor?'), field('toString!')])
    expect(faults(schema, {})).toEqual(['toString required'])
    expect(schema.parse({ toString: 'a' })).toEqual({ toString: 'a' } as unknown)
  })
})

describe('a conversion', () => {
  const convert = (typeName: string, a: unknown): unknown => {
    const result = declare([field('a!', typeName, { coerce: true })]).safe({ a })
    return result.ok ? (result.value as { a: unknown }).a : result.errors[0]!.error
  }

  test('of integers takes whole numbers and their texts', () => {
    expect(['42', ' 1 ', '-5', '+5', 7].map((a) => convert('integer', a))).toEqual([42, 1, -5, 5, 7])
    for (const a of ['12.5', 'abc', '', '0x10', '1e3', true, NaN, [1], {}])
      expect(convert('integer', a)).toBe('coerce')
  })

  test('of numbers takes texts of decimal numbers', () => {
    expect(['19.95', '1e3', '.5', 2].map((a) => convert('number', a))).toEqual([19.95, 1000, 0.5, 2])
    for (const a of ['', 'Infinity', '0x10', '1,5', true, {}]) expect(convert('number', a)).toBe('coerce')
  })

  test('of booleans accepts eight spellings', () => {
    expect([true, 1, 'true', '1'].map((a) => convert('boolean', a))).toEqual([true, true, true, true])
    expect([false, 0, 'false', '0'].map((a) => convert('boolean', a))).toEqual([false, false, false, false])
    for (const a of ['yes', 'TRUE', 2, '']) expect(convert('boolean', a)).toBe('coerce')
  })

  test('of dates takes ISO texts and milliseconds', () => {
    expect(convert('date', '2026-06-10')).toEqual(new Date('2026-06-10'))
    expect([convert('date', 5), convert('datetime', 5)]).toEqual([new Date(5), new Date(5)])
    for (const a of ['tomorrow', '2024-02-30', NaN]) expect(convert('date', a)).toBe('coerce')
  })

  test('comes before the limits, and ignores missing values', () => {
    const schema = declare([field('a?', 'integer', { coerce: true, constraints: { min: 18 } })])
    expect(faults(schema, { a: '12' })).toEqual(['a min'])
    expect(schema.parse({})).toEqual({})
  })
})
