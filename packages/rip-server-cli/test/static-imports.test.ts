import { expect, test } from 'bun:test'
import { dirname, join } from 'node:path'

/** Files that are loaded with an entry before it does anything. */
async function filesLoadedBy(entry: string): Promise<readonly string[]> {
  const transpiler = new Bun.Transpiler({ loader: 'ts', target: 'bun' })
  const files = new Set([entry])
  for (const file of files) {
    if (!file.endsWith('.ts')) continue
    // The transpiler has removed imports of types.
    const code = transpiler.transformSync(await Bun.file(file).text())
    for (const { path, kind } of transpiler.scanImports(code)) {
      if (kind === 'import-statement' && /^(?:\.|@rip\/)/.test(path))
        files.add(Bun.resolveSync(path, dirname(file)))
    }
  }
  return [...files]
}

test('the main process loads no code that serves requests in other processes', async () => {
  const files = await filesLoadedBy(join(import.meta.dir, '../src/commands/serve.ts'))
  expect(files.length).toBeGreaterThan(50)
  const serving =
    /\/rip-(?:balancer|worker|transpile)\/src\/(?:index\.ts|balancer\.ts|listener\/|upstream\/|serve\/)/
  expect(files.filter((file) => serving.test(file))).toEqual([])
})
