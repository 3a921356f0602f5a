import { describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { createRuntime } from '../src/create-runtime.ts'
import { inlineRuntime, RUNTIME_MODULES } from '../src/inline.ts'
import { processRuntime } from '../src/process-runtime.ts'
import { __schema, SchemaRegistry } from '../src/runtime.ts'
import { declare, field } from './describe-fields.ts'

describe('the registry', () => {
  test('accepts the same declaration again, and refuses another one of the same name', () => {
    const runtime = createRuntime()
    const first = declare([field('a!')], { name: 'A', runtime })
    const second = declare([field('a!')], { name: 'A', runtime })
    expect([runtime.SchemaRegistry.get('A') === second, first === second]).toEqual([true, false])
    expect(() => declare([field('a?')], { name: 'A', runtime })).toThrow(
      "A: 'A' is already registered with a different definition",
    )
    runtime.SchemaRegistry.replace = true
    expect(declare([field('b?')], { name: 'A', runtime })).toBe(runtime.SchemaRegistry.get('A')!)
  })

  test('compares functions and patterns as well', () => {
    const runtime = createRuntime()
    const pattern = (regex: RegExp): unknown =>
      declare([field('a!', 'string', { constraints: { regex } })], { name: 'A', runtime })
    pattern(/a/)
    expect(() => pattern(/b/)).toThrow('already registered')
  })

  test('has a separate scope for tests, also for asynchronous ones', async () => {
    const runtime = createRuntime()
    const { SchemaRegistry: registry } = runtime
    declare([field('a!')], { name: 'Outer', runtime })
    const inner = registry.scope(() => {
      declare([field('b!')], { name: 'Inner', runtime })
      return [registry.has('Outer'), registry.has('Inner')]
    })
    expect([...inner, registry.has('Outer'), registry.has('Inner')]).toEqual([false, true, true, false])
    const waiting = registry.scope(async () => {
      await Promise.resolve()
      return registry.has('Outer')
    })
    expect([await waiting, registry.has('Outer')]).toEqual([false, true])
    expect(() =>
      registry.scope(() => {
        throw new Error('x')
      }),
    ).toThrow('x')
    expect(registry.has('Outer')).toBe(true)
  })
})

describe('converters', () => {
  test('get the text of a value, or on request the value itself', () => {
    const runtime = createRuntime()
    runtime.registerCoercer('kind', (value) => typeof value)
    runtime.registerCoercer('raw', (value) => typeof value, { raw: true })
    const schema = declare(
      [
        field('a?', 'any', { coerce: true, coercer: 'kind' }),
        field('b?', 'any', { coerce: true, coercer: 'raw' }),
      ],
      { runtime },
    )
    expect(schema.parse({ a: 1, b: 1 })).toEqual({ a: 'string', b: 'number' })
  })

  test('refuse a value by returning nothing or false, or by throwing', () => {
    const runtime = createRuntime()
    const schema = declare([field('a!', 'any', { coerce: true, coercer: 'x' })], { runtime })
    const converters = [
      () => null,
      () => undefined,
      () => false,
      () => {
        throw new Error('bad')
      },
    ]
    for (const convert of converters) {
      runtime.registerCoercer('x', convert)
      expect(schema.safe({ a: 1 }).errors).toEqual([
        { field: 'a', error: 'coerce', message: 'a is not a valid x' },
      ])
    }
    runtime.registerCoercer('x', () => 0)
    expect(schema.parse({ a: 1 })).toEqual({ a: 0 })
  })

  test('that are not registered are an error of the program, and so are asynchronous ones', () => {
    const runtime = createRuntime()
    const schema = declare([field('a!', 'any', { coerce: true, coercer: 'none' })], { runtime })
    expect(() => schema.safe({ a: 1 })).toThrow("no coercer registered for '~:none'; call registerCoercer")
    expect(() => runtime.registerCoercer('x', async () => 1)).toThrow('plain synchronous function')
  })
})

describe('the runtime of a process', () => {
  test('is the one that was installed first', () => {
    const host = {}
    expect(processRuntime(host).SchemaRegistry).toBe(processRuntime(host).SchemaRegistry)
    expect(processRuntime(host).SchemaRegistry).not.toBe(processRuntime({}).SchemaRegistry)
    expect(processRuntime().SchemaRegistry).toBe(SchemaRegistry)
    expect((globalThis as Record<string, unknown>)['__ripSchema']).toMatchObject({ __version: 1, __schema })
  })

  test('may come from another compiler; its names are used, and its schemas get the methods they lack', async () => {
    const { __schema: declareSchema, ...others } = createRuntime()
    class Foreign {
      safe(): unknown {
        return { ok: false, value: null, errors: [{ field: 'a', error: 'type', message: 'no' }] }
      }
      async safeAsync(): Promise<unknown> {
        return this.safe()
      }
    }
    const { SchemaRegistry: registry, registerCoercer: register, ...old } = others
    const host = { __ripSchema: { ...old, __SchemaRegistry: registry, __schema: () => new Foreign() } }
    const runtime = processRuntime(host)
    expect([runtime.SchemaRegistry === registry, runtime.registerCoercer === register]).toEqual([true, true])
    const made = runtime.__schema({ kind: 'input', entries: [] })
    expect(made).toBeInstanceOf(Foreign)
    expect(await made['~standard'].validate(1)).toEqual({ issues: [{ message: 'no', path: ['a'] }] })
    expect(declareSchema).toBeFunction()
  })

  test('of another version is refused, and one without our names is left in place', () => {
    expect(() => processRuntime({ __ripSchema: { __version: 999 } })).toThrow('version 999')
    const host = { __ripSchema: { other: 1 } }
    processRuntime(host)
    expect(host.__ripSchema).toMatchObject({ other: 1, __version: 1 } as object)
  })

  test('has no models', () => {
    expect(() => createRuntime().__schema({ kind: 'model' as 'input', entries: [] })).toThrow(
      'not supported yet',
    )
  })
})

describe('the runtime as text', () => {
  test('is one expression that creates an equal runtime', () => {
    // oxlint-disable-next-line typescript/no-implied-eval
    const made = new Function('globalThis', `return ${inlineRuntime()}`)(
      {},
    ) as typeof import('../src/runtime.ts')
    const schema = made.__schema({ kind: 'shape', name: 'T', entries: [field('a!', 'integer')] })
    expect([schema.ok({ a: 1 }), schema.safe({ a: 'x' }).errors?.[0]?.message]).toEqual([
      true,
      'a must be integer',
    ])
  })

  test('includes every module that it needs', () => {
    const entries = ['index', 'runtime', 'inline', 'types', 'description', 'runtime-state']
    const files = readdirSync(new URL('../src', import.meta.url)).map((name) => name.replace(/\.ts$/, ''))
    expect(files.toSorted()).toEqual([...RUNTIME_MODULES, ...entries].toSorted())
  })
})
