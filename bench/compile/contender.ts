/** A compiler under measurement: compiles to code and map, and throws for source that it does not accept. */
export type Compile = (source: string, filename: string) => void

export const CONTENDERS = ['rip', 'coffeescript', 'reference'] as const
export type Contender = (typeof CONTENDERS)[number]

/** Not a literal in `import()`, so that each process loads only the compiler it measures. */
const OURS: string = '@rip/transpile/compiler'
const COFFEESCRIPT: string = 'coffeescript'

interface Rip {
  readonly compile: (source: string, options: object) => { readonly code: string; readonly map?: unknown }
}

interface Reference {
  readonly compile: (source: string, options: object) => { readonly code: string; readonly map?: unknown }
}

interface CoffeeScript {
  compile(source: string, options: object): { readonly js: string; readonly v3SourceMap: string }
}

/** Imports a compiler; this is measured as well. */
export async function loadContender(name: Contender, referenceEntry: string): Promise<Compile> {
  if (name === 'rip') {
    const { compile } = (await import(OURS)) as Rip
    return (source, filename) => void compile(source, { filename, sourceMap: true })
  }
  if (name === 'coffeescript') {
    const { default: coffee } = (await import(COFFEESCRIPT)) as { default: CoffeeScript }
    return (source, filename) => void coffee.compile(source, { filename, bare: true, sourceMap: true })
  }
  const { compile } = (await import(referenceEntry)) as Reference
  return (source, filename) => {
    // The two versions of the reference use different names, and one makes its map only when it is read.
    const { map } = compile(source, { filename, path: filename, sourceMap: true, runtimeDelivery: 'import' })
    void map
  }
}
