import { readFileSync } from 'node:fs'
import { createOnigScanner, createOnigString, loadWASM } from 'vscode-oniguruma'
import { INITIAL, type IGrammar, parseRawGrammar, Registry } from 'vscode-textmate'

/** A range of the source with its scopes, the innermost last. */
export interface Scoped {
  readonly start: number
  readonly end: number
  readonly scopes: readonly string[]
}

/** Loads the grammar as VS Code does. */
export async function loadGrammar(file: URL): Promise<IGrammar> {
  const wasm = readFileSync(new URL(import.meta.resolve('vscode-oniguruma/release/onig.wasm')))
  await loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength))
  const registry = new Registry({
    onigLib: Promise.resolve({ createOnigScanner, createOnigString }),
    loadGrammar: async () => parseRawGrammar(readFileSync(file, 'utf8'), 'rip.json'),
  })
  return (await registry.loadGrammar('source.rip'))!
}

export function scopesOf(grammar: IGrammar, source: string): Scoped[] {
  const found: Scoped[] = []
  let stack = INITIAL
  let at = 0
  for (const line of source.split('\n')) {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, stack)
    for (const { startIndex, endIndex, scopes } of tokens)
      found.push({ start: at + startIndex, end: at + Math.min(endIndex, line.length), scopes })
    stack = ruleStack
    at += line.length + 1
  }
  return found
}
