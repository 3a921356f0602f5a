import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** The files that configurations of TypeScript extend by path, and those that these extend in turn, wherever they are. */
export function extendedFiles(configurations: readonly string[]): readonly string[] {
  const files = new Set(configurations)
  for (const file of files) for (const path of extendedBy(file)) files.add(path)
  for (const file of configurations) files.delete(file)
  return [...files]
}

function extendedBy(file: string): readonly string[] {
  return [extendsOf(file)]
    .flat()
    .filter((name): name is string => typeof name === 'string' && /^(?:\.{1,2}\/|\/)/.test(name))
    .map((name) => resolve(dirname(file), name))
    .map((path) => (existsSync(path) || path.endsWith('.json') ? path : `${path}.json`))
}

function extendsOf(file: string): unknown {
  try {
    const content: unknown = Bun.JSONC.parse(readFileSync(file, 'utf8').replace(/^\ufeff/, ''))
    return typeof content === 'object' && content !== null && 'extends' in content
      ? content.extends
      : undefined
  } catch {
    // ENOENT, EACCES, or half a file.
    return undefined
  }
}
