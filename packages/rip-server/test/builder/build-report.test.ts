import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { readBuildReport } from '../../src/builder/build-report.ts'

const MARK = 'mark '
const good = { ok: true, belongings: { files: ['a.ts'], packages: '/p' }, doubts: [] }
const printed = (value: unknown): string => `\n${MARK}${JSON.stringify(value)}\n`

test.each(['tracing is on\n', 'no line end', '{"ok":true}\n', `${JSON.stringify(good)}\n`])(
  'what a preload prints is not taken for the report: %j',
  (noise) => {
    expect(readBuildReport(noise + printed(good), MARK)).toEqual({
      ok: true,
      belongings: { files: ['a.ts'], packages: '/p' },
      doubts: [],
    })
    expect(readBuildReport(noise, MARK)).toBeUndefined()
  },
)

test.each([
  [1_024, 1_024],
  [-1, undefined],
  [0.5, undefined],
  ['many', undefined],
  [null, undefined],
])('the memory that a build took is taken for what it can be: %j', (peakBytes, expected) => {
  const report = readBuildReport(printed({ ...good, peakBytes }), MARK)
  expect(report?.ok === true && report.peakBytes).toBe(expected as number)
})

test('a failure keeps the fields that have the right type', () => {
  const failure = { kind: 'compile', message: 'm', file: { a: 1 }, line: '3', frame: 'f' }
  expect(readBuildReport(printed({ ok: false, failure }), MARK)).toEqual({
    ok: false,
    failure: { kind: 'compile', message: 'm', frame: 'f' },
  })
})

test('any output is read as a valid report, or as none', () => {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.record({
      ok: fc.boolean(),
      belongings: fc.jsonValue(),
      doubts: fc.jsonValue(),
      failure: fc.jsonValue(),
    }),
  )
  fc.assert(
    fc.property(value, (each) => {
      const report = readBuildReport(printed(each), MARK)
      if (report === undefined) return
      const texts = [
        ...(report.belongings?.files ?? []),
        report.ok ? report.doubts : report.failure.message,
      ].flat()
      expect(texts.every((text) => typeof text === 'string')).toBe(true)
    }),
    { numRuns: 1_000 },
  )
})
