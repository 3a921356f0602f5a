import { describe, expect, test } from 'bun:test'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { keyHash } from '../../src/pool/key-hash.ts'
import { LearnedKeys } from '../../src/pool/learned-keys.ts'
import { TempFolder } from '../servers.ts'
import { contend } from './contending-keys.ts'

const A = keyHash('a')
const B = keyHash('b')
const CONTENDER = join(import.meta.dir, 'contending-keys.ts')
const OPTIONS = { entries: 64, lifetimeMs: 60_000, sharedFile: undefined }

interface Learned {
  readonly keys: LearnedKeys
  readonly told: string[]
  readonly pass: (ms: number) => void
}

function learnedKeys(
  options: Partial<Parameters<LearnedKeys['use']>[0]> = {},
  startMs = 1_900_000_000_000,
): Learned {
  let nowMs = startMs
  const told: string[] = []
  const keys = new LearnedKeys(
    (message) => told.push(message),
    () => nowMs,
  )
  keys.use({ ...OPTIONS, ...options })
  return { keys, told, pass: (ms) => (nowMs += ms) }
}

test('a key belongs to the backend it was learned for last', () => {
  const { keys } = learnedKeys()
  expect(keys.find('one')).toBeUndefined()
  keys.learn('one', A)
  expect(keys.find('one')).toEqual(A)
  keys.learn('one', B)
  expect(keys.find('one')).toEqual(B)
  expect(keys.find('other')).toBeUndefined()
})

test('a key is forgotten when it was not used for its lifetime', () => {
  const { keys, pass } = learnedKeys()
  keys.learn('one', A)
  keys.learn('other', A)
  pass(50_000)
  expect(keys.find('one')).toEqual(A)
  pass(50_000)
  expect(keys.find('one')).toEqual(A)
  expect(keys.find('other')).toBeUndefined()
})

test('a key is forgotten after its lifetime also when seconds since 1970 need more than 31 bits meanwhile, in 2038', () => {
  const { keys, pass } = learnedKeys({}, 2 ** 31 * 1_000 - 30_000)
  keys.learn('one', A)
  keys.learn('other', A)
  pass(50_000)
  expect(keys.find('one')).toEqual(A)
  pass(50_000)
  expect(keys.find('one')).toEqual(A)
  expect(keys.find('other')).toBeUndefined()
})

test('a key is forgotten when the clock was set back by more than its lifetime', () => {
  const { keys, pass } = learnedKeys()
  keys.learn('one', A)
  pass(-50_000)
  expect(keys.find('one')).toEqual(A)
  pass(-70_000)
  expect(keys.find('one')).toBeUndefined()
})

test('there are no more than the configured number, and those in use stay', () => {
  const { keys, pass } = learnedKeys()
  for (let n = 0; n < 5_000; n++) {
    keys.learn(`key ${n}`, A)
    keys.learn('in use', B)
    pass(10)
    expect(keys.find('in use')).toEqual(B)
  }
  const known = Array.from({ length: 5_000 }, (_, n) => keys.find(`key ${n}`)).filter(Boolean)
  expect(known.length).toBeGreaterThan(32)
  expect(known.length).toBeLessThan(64)
})

test('another number forgets all, another lifetime does not', () => {
  const { keys, pass } = learnedKeys()
  keys.learn('one', A)
  keys.use({ ...OPTIONS, lifetimeMs: 600_000 })
  pass(300_000)
  expect(keys.find('one')).toEqual(A)
  keys.use({ ...OPTIONS, entries: 128 })
  expect(keys.find('one')).toBeUndefined()
})

describe('with a shared file', () => {
  test('what one has learned the other knows at once, and only their user can read it', () => {
    using folder = new TempFolder()
    const shared = { sharedFile: folder.file('learned') }
    const [one, other] = [learnedKeys(shared), learnedKeys(shared)]
    expect(other.keys.find('key')).toBeUndefined()
    one.keys.learn('key', A)
    expect(other.keys.find('key')).toEqual(A)
    other.keys.learn('key', B)
    expect(one.keys.find('key')).toEqual(B)
    const names = readdirSync(folder.path).filter((name) => name.startsWith('learned'))
    expect(names).toEqual(['learned-8'])
    expect(statSync(folder.file('learned-8')).mode & 0o777).toBe(0o600)
  })

  test('that several processes write at once, no key is known with the backend of another', async () => {
    using folder = new TempFolder()
    await using other = Bun.spawn([process.execPath, CONTENDER, 'b', folder.file('learned')], {
      stdout: 'pipe',
    })
    const mixed = contend('a', folder.file('learned'))
    expect([mixed, Number(await other.stdout.text())]).toEqual([0, 0])
  })

  test('that holds something else nothing is known, and what is learned is known', () => {
    using folder = new TempFolder()
    const { keys, told } = learnedKeys({ sharedFile: folder.file('learned') })
    const noise = crypto.getRandomValues(new Uint8Array(64 * 32))
    writeFileSync(folder.file('learned-8'), noise)
    for (let n = 0; n < 1_000; n++) expect(keys.find(`key ${n}`)).toBeUndefined()
    keys.learn('key', A)
    expect(keys.find('key')).toEqual(A)
    expect(told).toEqual([])
  })

  test('that cannot be used it learns alone, which is told once', () => {
    using folder = new TempFolder()
    writeFileSync(folder.file('learned-8'), 'short')
    const { keys, told } = learnedKeys({ sharedFile: folder.file('learned') })
    keys.learn('key', A)
    expect(keys.find('key')).toEqual(A)
    expect(told).toEqual([expect.stringContaining('is not shared with others: ')])
    const nowhere = learnedKeys({ sharedFile: folder.file('no/such/folder/learned') })
    nowhere.keys.learn('key', A)
    expect(nowhere.told).toEqual([expect.stringContaining('ENOENT')])
  })
})
