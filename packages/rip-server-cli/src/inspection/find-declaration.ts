import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const MAX_FILES = 5_000
const MAX_FILE_BYTES = 1_048_576
const SOURCES = new Bun.Glob('**/*.{rip,ts,tsx,mts,cts,js,jsx,mjs,cjs}')
const NOT_OURS = /(?:^|\/)(?:node_modules|\.[^/]+)\//

/** Finds where the sources below a folder declare a variable. */
export class Declarations {
  readonly #root: string
  #files: ReadonlyMap<string, string> | undefined

  constructor(root: string) {
    this.#root = root
  }

  /**
   * Position such as `src/app.ts:3`; `undefined` when the variable is not found.
   *
   * @param neighbours variables of the same module or function: the file with most of them is the one
   */
  find(variable: string, neighbours: readonly string[]): string | undefined {
    this.#files ??= sourcesIn(this.#root)
    let best: { readonly position: string; readonly known: number } | undefined
    for (const [file, text] of this.#files) {
      const line = declaringLine(text, variable)
      if (line === undefined) continue
      const known = neighbours.filter((name) => hasWord(text, name)).length
      if (best === undefined || known > best.known) best = { position: `${file}:${line}`, known }
    }
    return best?.position
  }
}

function sourcesIn(root: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const file of SOURCES.scanSync({ cwd: root, followSymlinks: false })) {
    if (files.size >= MAX_FILES) break
    if (NOT_OURS.test(file)) continue
    const text = readSource(join(root, file))
    if (text !== undefined) files.set(file, text)
  }
  return files
}

function readSource(path: string): string | undefined {
  try {
    return statSync(path).size > MAX_FILE_BYTES ? undefined : readFileSync(path, 'utf8')
  } catch {
    // It has gone, or is not for this user.
    return undefined
  }
}

function declaringLine(text: string, variable: string): number | undefined {
  const name = RegExp.escape(variable)
  const declared = new RegExp(
    String.raw`(?:\b(?:const|let|var|class|function)\s+|^\s*(?:export\s+)?)${name}\b\s*[=:;({]`,
  )
  const lines = text.split('\n')
  const at = lines.findIndex((line) => declared.test(line))
  const found = at >= 0 ? at : lines.findIndex((line) => hasWord(line, variable))
  return found < 0 ? undefined : found + 1
}

function hasWord(text: string, word: string): boolean {
  return new RegExp(String.raw`(?<![\w$])${RegExp.escape(word)}(?![\w$])`).test(text)
}
