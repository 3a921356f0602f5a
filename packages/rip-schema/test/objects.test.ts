import { describe, expect, test } from 'bun:test'
import { createRuntime } from '../src/create-runtime.ts'
import type { EntryDescription } from '../src/description.ts'
import { SchemaError } from '../src/schema-error.ts'
import { declare, faults, field } from './describe-fields.ts'

const ensure = (
  message: string,
  fn: (value: Record<string, unknown>) => unknown,
  rest: { field?: string; async?: boolean } = {},
): EntryDescription => ({
  tag: 'ensure',
  message,
  fn: (value) => fn(value as Record<string, unknown>),
  ...rest,
})

describe('an input', () => {
  test('must be an object', () => {
    const schema = declare([field('a?')])
    for (const value of [null, undefined, 1, 'x', []]) expect(faults(schema, value)).toEqual([' object'])
  })

  test('that is refused throws an error with all issues', () => {
    const schema = declare([field('a!'), field('b!', 'integer')], { name: 'Form' })
    const thrown = (() => {
      try {
        return schema.parse({ b: 'x' })
      } catch (error) {
        return error
      }
    })() as SchemaError
    expect(thrown).toBeInstanceOf(SchemaError)
    expect([thrown.name, thrown.schemaName, thrown.schemaKind, thrown.message]).toEqual([
      'SchemaError',
      'Form',
      'input',
      'Form: a is required; b must be integer',
    ])
    expect(thrown.issues).toHaveLength(2)
  })

  test('loses keys that are no fields, and keeps the order of the fields', () => {
    const schema = declare([field('a?'), field('b!'), field('c?')])
    expect(Object.keys(schema.parse({ c: '3', b: '2', a: '1', d: '4' }) as object)).toEqual(['a', 'b', 'c'])
    expect(Object.keys(schema.parse({ c: '3', b: '2' }) as object)).toEqual(['b', 'c'])
  })

  test('nested deeper than the call stack is refused without an exception', () => {
    const runtime = createRuntime()
    const tree = declare([field('child?', 'Tree')], { name: 'Tree', runtime })
    let value: object = {}
    for (let depth = 0; depth < 200_000; depth++) value = { child: value }
    expect(tree.safe(value).errors?.[0]?.message).toBe('the input is nested too deeply')
  })
})

describe('a shape', () => {
  const entries: EntryDescription[] = [
    field('first!'),
    field('last?'),
    { tag: 'method', name: 'greet', fn: (() => 'hi') as () => unknown },
    {
      tag: 'computed',
      name: 'full',
      fn(this: unknown) {
        const { first, last } = this as { first: string; last?: string }
        return `${first} ${last}`
      },
    },
    {
      tag: 'derived',
      name: 'tag',
      fn(this: unknown) {
        return (this as { first: string }).first.toLowerCase()
      },
    },
  ]

  test('creates instances: fields and derived values are own properties, methods are on the class', () => {
    const schema = declare(entries, { kind: 'shape', name: 'Person' })
    const person = schema.parse({ first: 'Ada', last: 'L' }) as Record<string, unknown>
    expect(Object.keys(person)).toEqual(['first', 'last', 'tag'])
    expect(person.constructor.name).toBe('Person')
    person['first'] = 'Bob'
    expect([person['full'], person['tag']]).toEqual(['Bob L', 'ada'])
    expect(person).toBeInstanceOf(schema._getClass()!)
  })

  test('whose derived value throws refuses the input', () => {
    const schema = declare([
      field('a!'),
      {
        tag: 'derived',
        name: 'b',
        fn: () => {
          throw new Error('bad')
        },
      },
    ])
    expect(schema.safe({ a: 'x' }).errors).toEqual([{ field: '', error: 'derived', message: 'bad' }])
  })

  test('has one entry of each name', () => {
    const twice = declare([field('a!'), { tag: 'derived', name: 'a', fn: () => 1 }])
    expect(() => twice.safe({})).toThrow('a collides with field')
    const named = declare([field('mdmID!')])
    expect(() => named.safe({})).toThrow('not canonical camelCase')
  })
})

describe('rules', () => {
  test('all run once the fields are valid, and name the field', () => {
    const schema = declare([
      field('a!'),
      ensure('one', () => false),
      ensure('two', () => 0, { field: 'a' }),
      ensure('three', () => {
        throw new Error('x')
      }),
      ensure('four', () => ({})),
    ])
    expect(faults(schema, { a: 1 })).toEqual(['a type'])
    expect(schema.safe({ a: 'x' }).errors).toEqual([
      { field: '', error: 'ensure', message: 'one' },
      { field: 'a', error: 'ensure', message: 'two' },
      { field: '', error: 'ensure', message: 'three' },
    ])
  })

  test('that are asynchronous run concurrently, keep their order, and are accepted by the async methods only', async () => {
    const started: string[] = []
    const wait = (name: string, ticks: number) => async (): Promise<boolean> => {
      started.push(name)
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
      return false
    }
    const schema = declare([
      field('a!'),
      ensure('slow', wait('slow', 50), { async: true }),
      ensure('plain', () => false),
      ensure('fast', wait('fast', 1), { async: true }),
      ensure('rejects', () => Promise.reject(new Error('io')), { async: true }),
    ])
    for (const verb of ['parse', 'safe', 'ok'] as const)
      expect(() => schema[verb]({ a: 'x' })).toThrow('has async refinements (@ensure!): use parseAsync!')
    const { errors } = await schema.safeAsync({ a: 'x' })
    expect(errors?.map(({ message }) => message)).toEqual(['slow', 'plain', 'fast', 'rejects'])
    expect(started).toEqual(['slow', 'fast'])
    expect(schema.parseAsync({})).rejects.toThrow('a is required')
    expect(await schema.okAsync({ a: 'x' })).toBe(false)
  })

  test('that are asynchronous make all schemas around them asynchronous, also in cycles', async () => {
    const runtime = createRuntime()
    const inner = [field('a!'), field('again?', 'Outer'), ensure('taken', async () => false, { async: true })]
    declare(inner, { name: 'Inner', runtime })
    const outer = declare([field('items!', 'Inner', { array: true })], { name: 'Outer', runtime })
    expect(() => outer.safe({})).toThrow('async')
    const { errors } = await outer.safeAsync({ items: [{ a: 'x' }, { a: 1 }] })
    expect(errors?.map((issue) => `${issue.field} ${issue.error}`)).toEqual([
      'items[0] ensure',
      'items[1].a type',
    ])
  })
})

describe('schemas in schemas', () => {
  test('are found by name, also when they are declared later, and report paths', () => {
    const runtime = createRuntime()
    const order = declare([field('lines!', 'Line', { array: true }), field('ship?', 'Address')], { runtime })
    const value = { lines: [{ sku: 1 }], ship: 'x' }
    expect(order.ok(value)).toBe(true)
    declare([field('sku!')], { name: 'Line', kind: 'shape', runtime })
    declare([field('street!')], { name: 'Address', runtime })
    expect(order.safe(value).errors).toEqual([
      { field: 'lines[0].sku', error: 'type', message: 'lines[0].sku must be string' },
      { field: 'ship', error: 'type', message: 'ship must be a Address object' },
    ])
    expect(order.parse({ lines: [{ sku: 's', more: 1 }] })).toEqual({ lines: [{ sku: 's' }] })
  })

  test('an enum accepts a name or a value, and returns the value', () => {
    const runtime = createRuntime()
    const member = (name: string, value?: unknown): EntryDescription => ({ tag: 'enum-member', name, value })
    const role = declare([member('admin', 1), { tag: 'enum-member', name: 'user' }], {
      kind: 'enum',
      name: 'Role',
      runtime,
    })
    expect([role.parse('admin'), role.parse(1), role.parse('user'), role.ok('x'), role.ok(null)]).toEqual([
      1,
      1,
      'user',
      false,
      false,
    ])
    const user = declare([field('role!', 'Role')], { runtime })
    expect(user.parse({ role: 'admin' })).toEqual({ role: 1 })
    expect(user.safe({ role: 'x' }).errors).toEqual([
      { field: 'role', error: 'enum', message: 'role Role expected one of: admin, user' },
    ])
  })

  test('a union chooses a schema by one field, also in fields and lists', () => {
    const runtime = createRuntime()
    const kind = (text: string): EntryDescription => field('kind!', 'literal-union', { literals: [text] })
    declare([kind('click'), field('x!', 'integer')], { name: 'Click', kind: 'shape', runtime })
    declare([kind('scroll')], { name: 'Scroll', kind: 'shape', runtime })
    const event = declare(
      [
        { tag: 'directive', name: 'on', args: [{ field: 'kind' }] },
        { tag: 'union-member', name: 'Click' },
        { tag: 'union-member', name: 'Scroll' },
      ],
      { kind: 'union', name: 'Event', runtime },
    )
    expect(event.parse({ kind: 'click', x: 1 })).toEqual({ kind: 'click', x: 1 })
    expect(event.safe({ kind: 'hover' }).errors).toEqual([
      { field: 'kind', error: 'union', message: 'expected one of click | scroll' },
    ])
    expect(event.safe(42).errors).toEqual([
      { field: 'kind', error: 'union', message: 'expected an object with kind' },
    ])
    const log = declare([field('events!', 'Event', { array: true })], { name: 'Log', runtime })
    expect(faults(log, { events: [{ kind: 'click' }, { kind: 'x' }] })).toEqual([
      'events[0].x required',
      'events[1].kind union',
    ])
    expect(() => event.pick('kind')).toThrow('does not work on a :union')
    declare([kind('click')], { name: 'Twin', runtime })
    const twice = declare(
      [
        { tag: 'directive', name: 'on', args: [{ field: 'kind' }] },
        { tag: 'union-member', name: 'Click' },
        { tag: 'union-member', name: 'Twin' },
      ],
      { kind: 'union', name: 'Twice', runtime },
    )
    expect(() => twice.safe({})).toThrow('duplicate discriminator "click": Click and Twin')
  })

  test('mixins add their fields, depth first and each mixin once', () => {
    const runtime = createRuntime()
    const mixin = (target: string): EntryDescription => ({
      tag: 'directive',
      name: 'mixin',
      args: [{ target }],
    })
    const add = (name: string, entries: EntryDescription[]): unknown =>
      declare(entries, { kind: 'mixin', name, runtime })
    add('Base', [field('id!')])
    add('Left', [field('left!'), mixin('Base')])
    add('Right', [field('right!'), mixin('Base')])
    const user = declare([field('name!'), mixin('Left'), mixin('Right')], { runtime, kind: 'shape' })
    expect([...user._normalize().fields.keys()]).toEqual(['name', 'left', 'id', 'right'])
    add('A', [mixin('B')])
    add('B', [mixin('A')])
    const error = (entries: EntryDescription[], name: string): string => {
      try {
        declare(entries, { runtime, name })._normalize()
        return ''
      } catch (thrown) {
        const { issues } = thrown as SchemaError
        return `${issues[0]!.error}: ${issues[0]!.message}`
      }
    }
    expect(error([mixin('A')], 'C')).toBe('mixin-cycle: mixin cycle: C -> A -> B -> A')
    expect(error([mixin('None')], 'D')).toBe('mixin-missing: there is no mixin None')
    expect(error([field('id!'), mixin('Base')], 'E')).toStartWith('mixin-collision')
    const base = runtime.SchemaRegistry.get('Base')!
    expect(() => base.parse({})).toThrow('not instantiable')
    expect([base.ok({}), faults(base, {})]).toEqual([false, [' mixin']])
  })
})

describe('a list of a schema', () => {
  test('puts the index before the path of each issue', async () => {
    const { array } = declare([field('a!')], { name: 'A' })
    expect(array.parse([{ a: 'x' }])).toEqual([{ a: 'x' }])
    expect(array.safe([{ a: 1 }, 5]).errors?.map(({ field: at }) => at)).toEqual(['[0].a', '[1]'])
    expect(array.safe({ items: [] }).errors?.[0]?.message).toBe(
      'expected an array, received an object with keys [items]',
    )
    expect(() => array.parse(null)).toThrow('A: expected an array, received null')
    expect(await array.parseAsync([{ a: 'x' }])).toEqual([{ a: 'x' }])
    expect([await array.okAsync(5), array.ok([])]).toEqual([false, true])
  })
})

describe('algebra', () => {
  const source = declare(
    [field('a!', 'string', { constraints: { max: 3 } }), field('b?'), ensure('never', () => false)],
    { name: 'Source', kind: 'shape' },
  )

  test('makes shapes with the fields, without the rules', () => {
    expect(source.pick('a').parse({ a: 'x', b: 'y' })).toEqual({ a: 'x' } as unknown)
    expect(source.omit('a').parse({})).toEqual({} as unknown)
    expect(source.partial().ok({})).toBe(true)
    expect(faults(source.partial().required(['b']), {})).toEqual(['b required'])
    expect(faults(source.pick('a'), { a: 'long' })).toEqual(['a max'])
    expect([source.pick('a').kind, source.pick('a').name]).toEqual(['shape', 'SourceDerived'])
  })

  test('refuses unknown keys, and fields that both schemas have', () => {
    expect(() => source.pick('zz')).toThrow("pick: unknown field 'zz' on Source")
    expect(() => source.omit('zz')).toThrow('omit: unknown field')
    expect(() => source.extend(source)).toThrow("field 'a' collides")
    expect([...source.extend(declare([field('c!')])).parts.fields.keys()]).toEqual(['a', 'b', 'c'])
  })

  test('methods of models throw an error that says they are for models', () => {
    const model = source as unknown as { find(id: number): unknown }
    expect(() => model.find(1)).toThrow('find() is :model-only')
  })
})
