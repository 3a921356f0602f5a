import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { readBootFailure, readWorkerMessage } from '../../src/links/worker-message.ts'

const types = [
  'hello',
  'listening',
  'ready',
  'failed',
  'beacon',
  'leaving',
  'stands-by',
  'drained',
  'inspected',
  'not-inspected',
  'part',
]
const names = (
  'version workerId pid socket bootMs entry failure inFlight requests rssBytes loopLagMs reason aborted order ' +
  'webSockets eventStreams freeDescriptors kind message file line column frame stack bytes base64 http2 __proto__'
).split(' ')

/** Any JSON value, with frequent names of the protocol. */
const anything = fc.oneof(
  fc.jsonValue(),
  fc.dictionary(fc.constantFrom(...names, 'other'), fc.jsonValue()),
  fc
    .tuple(fc.constantFrom(...types), fc.dictionary(fc.constantFrom(...names), fc.jsonValue()))
    .map(([type, fields]) => ({ ...fields, type })),
)

const isPlain = (value: unknown): boolean =>
  typeof value === 'string' ||
  typeof value === 'boolean' ||
  (typeof value === 'number' && Number.isFinite(value) && value >= 0)

test('any message of a worker is read with the fields of the protocol and their types, or not at all', () => {
  fc.assert(
    fc.property(anything, (value) => {
      const message = readWorkerMessage(value)
      if (message === undefined) return
      const { type, ...fields } = message
      expect(types).toContain(type)
      const { failure, ...rest } = fields as { failure?: object }
      const plain = { ...rest, ...failure }
      expect(Object.keys(plain).every((name) => names.includes(name))).toBe(true)
      expect(Object.values(plain).every(isPlain)).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

test('a failure keeps what has the right type', () => {
  const said = {
    kind: 'gossip',
    message: 'm',
    file: { a: 1 },
    line: 3,
    column: '4',
    frame: ['f'],
    stack: 's',
  }
  expect(readBootFailure(said)).toEqual({ kind: 'import', message: 'm', line: 3, stack: 's' })
  expect(readWorkerMessage({ type: 'failed', failure: { kind: 'import' } })).toBeUndefined()
})

test('texts are bounded', () => {
  const long = 'x'.repeat(1_000_000)
  expect(readBootFailure({ kind: 'import', message: long })?.message).toHaveLength(65_536)
})

test.each([NaN, -1, null, '7', undefined])('%p is no count', (inFlight) => {
  expect(readWorkerMessage({ type: 'leaving', reason: 'signal', inFlight })).toBeUndefined()
})

test('a worker may leave out how many descriptors it can open, and may not say nonsense', () => {
  const beacon = { type: 'beacon', inFlight: 0, requests: 0, rssBytes: 1, loopLagMs: 0 }
  expect(readWorkerMessage(beacon)).not.toHaveProperty('freeDescriptors')
  expect(readWorkerMessage({ ...beacon, freeDescriptors: 0 })).toMatchObject({ freeDescriptors: 0 })
  for (const freeDescriptors of [null, -1, '7', {}])
    expect(readWorkerMessage({ ...beacon, freeDescriptors })).toBeUndefined()
})

test.each([
  ['AAAA', true],
  ['AAA=', true],
  ['', true],
  ['AAA', false],
  ['AA-_', false],
  ['A===', false],
  [7, false],
])('%p is a part of a look: %p', (base64, isPart) => {
  expect(readWorkerMessage({ type: 'part', order: 1, base64 }) !== undefined).toBe(isPart)
})
