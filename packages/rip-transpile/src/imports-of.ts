/** Specifiers of the modules that JavaScript code imports, each once, in order of appearance. */
export function importsOf(code: string): readonly string[] {
  const transpiler = new Bun.Transpiler({ loader: 'js', target: 'bun' })
  try {
    return [...new Set(transpiler.scanImports(code).map((found) => found.path))]
  } catch {
    // Embedded JavaScript may be wrong: loading the module reports the error, with its place.
    return []
  }
}
