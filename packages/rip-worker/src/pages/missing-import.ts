import { readFileSync } from 'node:fs'
import type { SourcePosition } from './failure-report.ts'

/** The line that imports a module that cannot be found: Bun's `ResolveMessage` names the module, but not the line. */
export function missingImport(error: Error): SourcePosition | undefined {
  const { specifier, referrer } = error as Partial<{ specifier: unknown; referrer: unknown }>
  if (typeof specifier !== 'string' || typeof referrer !== 'string') return undefined
  const lines = linesOf(referrer)
  const place = new RegExp(`(?<=\\b(?:from|import|require)\\b.*)["'\`]${RegExp.escape(specifier)}["'\`]`)
  const line = lines.findIndex((text) => place.test(text))
  if (line === -1) return undefined
  return { file: referrer, line: line + 1, column: (lines[line]?.search(place) ?? 0) + 1 }
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch {
    // ENOENT: removed since.
    return []
  }
}
