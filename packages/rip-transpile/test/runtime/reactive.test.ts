import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { createReactive } from '../../src/runtime/reactive.ts'

const { state, computed, effect, batch } = createReactive()

test('an effect runs at once and after every change of a value it read', () => {
  const count = state(1)
  const seen: number[] = []
  effect(() => void seen.push(count.value))
  count.value = 2
  count.value = 2
  count.value = 3
  expect(seen).toEqual([1, 2, 3])
})

test('a computed value is computed when it is read, and then kept', () => {
  let computations = 0
  const count = state(2)
  const double = computed(() => (computations++, count.value * 2))
  expect(computations).toBe(0)
  expect([double.value, double.value]).toEqual([4, 4])
  count.value = 5
  expect(computations).toBe(1)
  expect(double.value).toBe(10)
  expect(computations).toBe(2)
})

test('computed values can depend on each other', () => {
  const base = state(10)
  const double = computed(() => base.value * 2)
  const quadruple = computed(() => double.value * 2)
  expect(quadruple.value).toBe(40)
  base.value = 15
  expect(quadruple.value).toBe(60)
})

test('an effect does not run when a computed value stays the same', () => {
  const count = state(10)
  const big = computed(() => count.value > 5)
  let runs = 0
  effect(() => (big.value, void runs++))
  count.value = 11
  count.value = 12
  expect(runs).toBe(1)
  count.value = 1
  expect(runs).toBe(2)
})

test('an effect that depends on a value in two ways never sees half of a change', () => {
  const a = state(1)
  const b = computed(() => a.value + 1)
  const c = computed(() => a.value * 10)
  const seen: string[] = []
  effect(() => void seen.push(`${b.value} ${c.value}`))
  a.value = 2
  expect(seen).toEqual(['2 10', '3 20'])
})

test('dependencies are those of the last run', () => {
  const which = state(true)
  const left = state('l')
  const right = state('r')
  const seen: string[] = []
  effect(() => void seen.push(which.value ? left.value : right.value))
  right.value = 'r2'
  which.value = false
  left.value = 'l2'
  right.value = 'r3'
  expect(seen).toEqual(['l', 'r2', 'r3'])
})

test('an effect does not run again because of its own writes', () => {
  const count = state(0)
  effect(() => {
    if (count.value < 5) count.value++
  })
  expect(count.value).toBe(1)
})

test('an effect may write a value that another effect reads', () => {
  const source = state(1)
  const copy = state(0)
  const seen: number[] = []
  effect(() => {
    copy.value = source.value * 10
  })
  effect(() => void seen.push(copy.value))
  source.value = 2
  expect(seen).toEqual([10, 20])
})

test('two effects that trigger each other forever are stopped', () => {
  const a = state(0)
  const b = state(0)
  effect(() => {
    if (a.value > 0) b.value = a.value + 1
  })
  effect(() => {
    if (b.value > 0) a.value = b.value + 1
  })
  expect(() => (a.value = 1)).toThrow('effects keep changing')
})

test('a function that an effect returns is called before the next run and at the end', () => {
  const log: string[] = []
  const count = state(0)
  const end = effect(() => {
    const value = count.value
    log.push(`run ${value}`)
    return () => log.push(`clean ${value}`)
  })
  count.value = 1
  end()
  count.value = 2
  expect(log).toEqual(['run 0', 'clean 0', 'run 1', 'clean 1'])
})

test('an effect ended by another one in the same change does not run', () => {
  const log: string[] = []
  const count = state(0)
  let endSecond = () => {}
  effect(() => {
    log.push(`first ${count.value}`)
    if (count.value > 0) endSecond()
  })
  endSecond = effect(() => void log.push(`second ${count.value}`))
  count.value = 1
  count.value = 2
  expect(log).toEqual(['first 0', 'second 0', 'first 1', 'first 2'])
})

test('an effect can end itself', () => {
  const count = state(0)
  let runs = 0
  const handle = effect(() => {
    runs++
    if (count.value === 1) handle.cancel()
  })
  count.value = 1
  count.value = 2
  expect(runs).toBe(2)
  expect(handle.active).toBe(false)
})

test('an effect made inside another one ends with that run', () => {
  const outer = state(0)
  const inner = state(0)
  const seen: string[] = []
  effect(() => {
    const run = outer.value
    effect(() => void seen.push(`${run}/${inner.value}`))
  })
  outer.value = 1
  inner.value = 1
  expect(seen).toEqual(['0/0', '1/0', '1/1'])
})

test('a paused effect runs again when it is told to, a cancelled one never', () => {
  const count = state(0)
  const seen: number[] = []
  const handle = effect(() => void seen.push(count.value))
  handle.stop()
  count.value = 1
  expect(handle.active).toBe(false)
  handle.run()
  count.value = 2
  handle.cancel()
  handle.run()
  count.value = 3
  expect(seen).toEqual([0, 1, 2])
})

test('effects wait for the end of a batch', () => {
  const a = state(1)
  const b = state(2)
  const seen: number[] = []
  effect(() => void seen.push(a.value + b.value))
  const result = batch(() => {
    a.value = 10
    b.value = 20
    return 'done'
  })
  expect(result).toBe('done')
  expect(seen).toEqual([3, 30])
})

test('an error in an effect reaches the code that wrote, after the other effects ran', () => {
  const count = state(0)
  const seen: number[] = []
  effect(() => {
    if (count.value === 1) throw new Error('odd')
  })
  effect(() => void seen.push(count.value))
  expect(() => (count.value = 1)).toThrow('odd')
  count.value = 2
  expect(seen).toEqual([0, 1, 2])
})

test('an error in a computed value is thrown to its readers until a source changes', () => {
  const count = state(0)
  const risky = computed(() => {
    if (count.value === 0) throw new Error('zero')
    return count.value
  })
  const seen: unknown[] = []
  effect(() => {
    try {
      seen.push(risky.value)
    } catch (error) {
      seen.push((error as Error).message)
    }
  })
  expect(() => risky.value).toThrow('zero')
  count.value = 7
  expect(seen).toEqual(['zero', 7])
})

test('a computed value that depends on itself throws an error that says so', () => {
  const loop: { readonly value: number } = computed(() => loop.value + 1)
  expect(() => loop.value).toThrow('depends on itself')
})

test('a state made of a state is the same one', () => {
  const count = state(42)
  expect(state(count)).toBe(count)
})

test('read() creates no dependency, and values convert to numbers and text', () => {
  const count = state(3)
  let runs = 0
  effect(() => (count.read(), void runs++))
  count.value = 4
  expect(runs).toBe(1)
  expect(`${count as unknown as number} ${JSON.stringify({ count })} ${Number(count) + 1}`).toBe(
    '4 {"count":4} 5',
  )
})

test('a locked state refuses writes, a killed one has no dependents', () => {
  const count = state(1)
  const seen: number[] = []
  effect(() => void seen.push(count.value))
  expect(count.kill()).toBe(1)
  count.value = 2
  expect(seen).toEqual([1])
  expect(() => (count.lock().value = 3)).toThrow('locked')
})

test('any order of writes leaves effects and computed values as a fresh computation would', () => {
  const writes = fc.array(fc.tuple(fc.nat(3), fc.nat(4)), { maxLength: 30 })
  fc.assert(
    fc.property(writes, (steps) => {
      const cells = [0, 1, 2, 3].map((value) => state(value))
      const [a, b, c, d] = cells as [
        (typeof cells)[0],
        (typeof cells)[0],
        (typeof cells)[0],
        (typeof cells)[0],
      ]
      const sum = computed(() => a.value + b.value)
      const parity = computed(() => sum.value % 2)
      const chosen = computed(() => (parity.value ? c.value : d.value))
      let seen = -1
      effect(() => {
        seen = chosen.value * 100 + sum.value
      })
      for (const [index, value] of steps) {
        cells[index]!.value = value
        const total = a.read() + b.read()
        expect(seen).toBe((total % 2 ? c.read() : d.read()) * 100 + total)
      }
    }),
  )
})
