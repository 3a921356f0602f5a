import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const NAMES = ['tsconfig.json', 'jsconfig.json'] as const

/** The `tsconfig.json` or `jsconfig.json` of each folder, with what they extend: path aliases and JSX settings. */
export class ConfigFiles {
  readonly #byFolder = new Map<string, readonly string[]>()

  /** Files that decide how modules in a folder are read, the nearest first; none in `node_modules`. */
  of(folder: string): readonly string[] {
    const known = this.#byFolder.get(folder)
    if (known !== undefined) return known
    const file = NAMES.map((name) => join(folder, name)).find((path) => existsSync(path))
    const above = dirname(folder)
    const files = file !== undefined ? withExtended(file) : above === folder ? [] : this.of(above)
    this.#byFolder.set(folder, files)
    return files
  }
}

function withExtended(first: string): readonly string[] {
  const files = new Set<string>()
  const queue = [first]
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (files.has(file)) continue
    files.add(file)
    queue.push(...extendedBy(file))
  }
  return [...files]
}

function extendedBy(file: string): readonly string[] {
  const named = [extendsOf(file)].flat().filter((name) => typeof name === 'string')
  return named
    .filter((name) => /^(?:\.{1,2}\/|\/)/.test(name))
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
    // ENOENT, EACCES, or half a file: it is followed all the same, because a change may repair it.
    return undefined
  }
}
