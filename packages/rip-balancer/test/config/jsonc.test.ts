import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { JsoncError, parseJsonc } from '../../src/config/jsonc.ts'

const problem = (text: string): string => {
  try {
    parseJsonc(text)
  } catch (error) {
    if (!(error instanceof JsoncError)) throw error
    return `${error.position.line}:${error.position.column} ${error.message}`
  }
  return 'none'
}

describe('JSON with comments', () => {
  test('reads all JSON as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        expect(parseJsonc(text).value).toEqual(JSON.parse(text))
      }),
    )
  })

  test('allows comments wherever there may be a blank, trailing commas, and a byte order mark', () => {
    const text = '\uFEFF// head\n{ /* a */ "a" /**/ : // b\n [1, 2, ], "s": "// no comment", }\n/* end */'
    expect(parseJsonc(text).value).toEqual({ a: [1, 2], s: '// no comment' })
  })

  test('knows the position of every key, and of a missing one the position where it should be', () => {
    const json = parseJsonc('{\n  "to": [\n    { "id": 7 }\n  ]\n}')
    expect(json.locate('to', 'name')).toEqual({ line: 2, column: 3 })
    expect(json.locate('to[0].id', 'value')).toEqual({ line: 3, column: 13 })
    expect(json.locate('to[0].address', 'value')).toEqual({ line: 3, column: 5 })
    expect(json.locate('never.heard[3].of', 'value')).toEqual({ line: 1, column: 1 })
    expect(json.locate('[[', 'value')).toEqual({ line: 1, column: 1 })
  })

  for (const [text, expected] of [
    ['', '1:1 expected a value, got the end of the file'],
    ['{ "a": 1 "b": 2 }', '1:10 expected "," or "}", got "\\""'],
    ['{\n  a: 1\n}', '2:3 expected a name in double quotes, or "}", got "a"'],
    ['{ "a": yes }', '1:8 expected a value, got "yes"'],
    ['{ "a": 01 }', '1:8 expected a value, got "01"'],
    ['{ "a" 1 }', '1:7 expected ":", got "1"'],
    ['[1,, 2]', '1:4 expected a value, got ","'],
    ['[1', '1:3 expected "," or "]", got the end of the file'],
    ['{ "a": "x\n" }', '1:8 this text does not end on its line'],
    ['{ "a": "\\q" }', '1:8 "\\q" has a control character or an unknown escape in it'],
    ['{ "a": 1,\n  "a": 2 }', '2:3 a is given twice, first in line 1'],
    ['/* never', '1:1 this comment does not end'],
    ['{} {}', '1:4 expected the end, got "{"'],
    ['['.repeat(200), '1:101 this is nested too deeply'],
  ] as const) {
    test(`refuses ${JSON.stringify(text.slice(0, 30))} and says where`, () => {
      expect(problem(text)).toBe(expected)
    })
  }
})
