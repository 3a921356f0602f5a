import { expect, test } from 'bun:test'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Packages that are loaded before the program does anything, by the file that imports them. */
async function packagesLoadedBy(entry: string): Promise<readonly string[]> {
  const transpiler = new Bun.Transpiler({ loader: 'ts', target: 'bun' })
  const found: string[] = []
  const files = new Set([entry])
  for (const file of files) {
    // The transpiler has removed imports of types.
    const code = transpiler.transformSync(await Bun.file(file).text())
    for (const { path, kind } of transpiler.scanImports(code)) {
      if (kind !== 'import-statement') continue
      if (path.startsWith('.')) files.add(Bun.resolveSync(path, dirname(file)))
      else found.push(`${path} in ${file}`)
    }
  }
  expect(files.size).toBeGreaterThan(5)
  return found
}

test.each(['@rip/worker/main', '@rip/transpile/loader'])(
  '%s imports no module of Node.js statically: each costs every worker megabytes and milliseconds',
  async (program) => {
    const loaded = await packagesLoadedBy(fileURLToPath(import.meta.resolve(program)))
    expect(loaded.filter((each) => each.startsWith('node:'))).toEqual([])
  },
)
