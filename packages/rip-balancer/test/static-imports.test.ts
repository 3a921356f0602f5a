import { expect, test } from 'bun:test'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

test('the program loads only node:fs of Node.js at its start: other modules take ten milliseconds each', async () => {
  const transpiler = new Bun.Transpiler({ loader: 'ts', target: 'bun' })
  const found = new Set<string>()
  const files = new Set([fileURLToPath(new URL('../src/main.ts', import.meta.url))])
  for (const file of files) {
    // The transpiler has removed imports of types.
    const code = transpiler.transformSync(await Bun.file(file).text())
    for (const { path, kind } of transpiler.scanImports(code)) {
      if (kind !== 'import-statement') continue
      if (path.startsWith('.')) files.add(Bun.resolveSync(path, dirname(file)))
      else found.add(path)
    }
  }
  expect(files.size).toBeGreaterThan(50)
  expect([...found].filter((path) => path.startsWith('node:'))).toEqual(['node:fs'])
})
