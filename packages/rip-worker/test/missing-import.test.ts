import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reportFailure } from '../src/pages/failure-report.ts'

test.each([
  ['import', "const a = 1\n\nimport { b } from './nowhere.ts'\nexport default b + a\n", 3, 19],
  ['import of a package', "import b from 'not-there-at-all'\nexport default b\n", 1, 15],
  ['export', "\nexport * from './nowhere'\n", 2, 15],
  ['require', "// './nowhere'\nmodule.exports = require('./nowhere')\n", 2, 26],
])('a module that cannot be found is reported with the line of its %s', async (_, text, line, column) => {
  const folder = mkdtempSync(join(tmpdir(), 'rip-missing-'))
  const file = join(folder, 'a.ts')
  writeFileSync(file, text)
  const thrown: unknown = await import(file).catch((error: unknown) => error)
  const report = reportFailure(thrown)
  rmSync(folder, { recursive: true })
  expect(report.position).toEqual({ file, line, column })
  expect(report.frame).toContain(text.split('\n')[line - 1]!)
})
