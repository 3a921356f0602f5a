import type { CompileResult } from './adapter.ts'
import { asciiCode } from './ascii-code.ts'
import { withInlineMap } from './inline-map.ts'

/** Names a CommonJS module has and an ES module in Bun can be given. */
const COMMONJS_NAMES = {
  require: 'import.meta.require',
  __dirname: 'import.meta.dir',
  __filename: 'import.meta.path',
} as const

/**
 * Text of a module for Bun's module loader. The first line tells Bun that the code needs no transpiling, and
 * only for such a module does Bun 1.4.5 apply an inline source map that a plugin returned. Without its
 * transpiler `require` and its companions are unknown, so they are declared where the code uses them.
 */
export function bunModule(result: Pick<CompileResult, 'code' | 'map'>): string {
  const { code, map } = asciiCode(result)
  const head = ['// @bun', ...commonjsDeclarations(code)]
  const text = `${head.join('\n')}\n${code}`
  if (!map) return text
  return withInlineMap(text, { ...map, mappings: ';'.repeat(head.length) + map.mappings })
}

function commonjsDeclarations(code: string): string[] {
  return Object.entries(COMMONJS_NAMES)
    .filter(([name]) => usesFree(code, name))
    .map(([name, value]) => `const ${name} = ${value}`)
}

/** A mention in a string or comment counts too, and does no harm; a declaration of the code's own wins. */
function usesFree(code: string, name: string): boolean {
  if (!new RegExp(`(?<![.\\w$])${name}\\b`).test(code)) return false
  return !new RegExp(`\\b(?:var|let|const|class|function|import)\\b[^;=(]*\\b${name}\\b`).test(code)
}
