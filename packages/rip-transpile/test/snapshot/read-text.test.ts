import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { readText } from '../../src/snapshot/read-text.ts'
import { tempProject } from '../temp-project.ts'

test.each([
  ['plain text', 'a\nb\n'],
  ['an empty file', ''],
  ['a byte order mark', '\u{FEFF}export {}'],
  ['other scripts', 'größer 漢字 🙂'],
  ['more than a page', 'x'.repeat(100_000)],
])('reads %s as node:fs does', (_, content) => {
  using project = tempProject({ file: content })
  expect(readText(project.path('file'))).toBe(readFileSync(project.path('file'), 'utf8'))
})

test('an error names the file that does not exist', () => {
  using project = tempProject({})
  expect(() => readText(project.path('nowhere'))).toThrow('nowhere')
})
