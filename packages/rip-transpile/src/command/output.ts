import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, extname, relative } from 'node:path'
import type { CompileResult } from '../adapter.ts'

/**
 * Writes a result beside the path of its source in the folder for results.
 *
 * @param link Last change of the text of a file.
 * @returns The files written.
 */
export function writeOutput(
  target: string,
  source: string,
  result: CompileResult,
  link: (text: string, path: string) => string,
): string[] {
  const stem = target.slice(0, -extname(target).length)
  const files = new Map([[`${stem}.js`, javascript(stem, result)]])
  if (result.map) files.set(`${stem}.js.map`, mapText(stem, source, result.map))
  if (result.dts !== undefined) {
    files.set(`${stem}.d.ts`, linkToJavascript(result.dts))
    // Where TypeScript looks for what `import './name.rip'` means.
    files.set(`${stem}.d${extname(target)}.ts`, result.dts)
  }
  mkdirSync(dirname(target), { recursive: true })
  for (const [path, text] of files) writeFileSync(path, link(text, path))
  return [...files.keys()]
}

/** Removes what {@link writeOutput} may have written; returns the files that were there. */
export function removeOutput(target: string): string[] {
  const stem = target.slice(0, -extname(target).length)
  const endings = ['.js', '.js.map', '.d.ts', `.d${extname(target)}.ts`]
  const paths = endings.map((ending) => stem + ending).filter((path) => existsSync(path))
  for (const path of paths) rmSync(path)
  return paths
}

function javascript(stem: string, { code, map }: CompileResult): string {
  const linked = linkToJavascript(code)
  return map ? `${linked.trimEnd()}\n//# sourceMappingURL=${basename(stem)}.js.map\n` : linked
}

function mapText(stem: string, source: string, map: NonNullable<CompileResult['map']>): string {
  const sources = [relative(dirname(stem), source)]
  return `${JSON.stringify({ ...map, file: `${basename(stem)}.js`, sources })}\n`
}

/** Modules import each other by the ending of their source; compiled, they have another one. */
function linkToJavascript(code: string): string {
  return code.replace(/\b(from|import)(\s*\(?\s*)(['"])(\.{1,2}\/[^'"\n]*)\.rip\3/g, '$1$2$3$4.js$3')
}
