import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const TESTS = join(ROOT, 'packages/rip-balancer/test')

test('every line of SECURITY.md names a test that exists', () => {
  const page = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8')
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| -') && !/test in `/.test(line))
  expect(rows.length).toBeGreaterThan(30)
  for (const row of rows) {
    const [, file, title] = /\| `([\w./-]+\.test\.ts)`: (.+?) +\|$/.exec(row) ?? []
    expect(file, row).toBeDefined()
    expect(readFileSync(join(TESTS, file ?? ''), 'utf8'), row).toContain(title ?? row)
  }
})
