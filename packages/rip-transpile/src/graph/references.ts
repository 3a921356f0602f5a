/** A specifier in code that names another module. */
export interface Reference {
  readonly specifier: string
  /** As in `with { type: 'text' }`. */
  readonly type?: string
}

export interface References {
  readonly modules: readonly Reference[]
  /** Folders a module is picked from at run time, as in `import('./routes/' + name)`. */
  readonly folders: readonly string[]
  /**
   * Whether modules are picked at run time from a folder that the code does not name, as in `import(route.filePath)`.
   */
  readonly picks: boolean
}

type Language = 'js' | 'jsx' | 'ts' | 'tsx'

const transpilers = {
  js: once(() => new Bun.Transpiler({ loader: 'js', target: 'bun' })),
  jsx: once(() => new Bun.Transpiler({ loader: 'jsx', target: 'bun' })),
  ts: once(() => new Bun.Transpiler({ loader: 'ts', target: 'bun' })),
  tsx: once(() => new Bun.Transpiler({ loader: 'tsx', target: 'bun' })),
}

const TYPED =
  /(['"`])([^'"`\n]+)\1\s*(?:,\s*\{\s*)?(?:with|assert)\s*:?\s*\{\s*['"]?type['"]?\s*:\s*(['"])(\w+)\3/g
const URLS = /\bnew\s+(?:URL|Worker)\s*\(\s*(['"`])([^'"`$\n]+)\1/g
const RESOLVED = /\b(?:import\.meta\.resolve(?:Sync)?|require\.resolve)\s*\(\s*(['"`])([^'"`$\n]+)\1/g
const FOLDERS = /\b(?:import|require)\s*\(\s*(?:(['"])(\.{1,2}\/[^'"\n]*)\1\s*\+|`(\.{1,2}\/[^`$\n]*)\$\{)/g

const PICKS = /(?<![.\w$])(?:import|require)\s*\(\s*(?:[A-Za-z_$[(]|`\$\{)/

/** The modules that code refers to by name, each once; none for code that is no JavaScript. */
export function referencesOf(code: string, language: Language): References {
  const types = new Map(
    [...code.matchAll(TYPED)].map(([, , specifier = '', , type = '']) => [specifier, type]),
  )
  const specifiers = new Set([
    ...scan(code, language),
    ...mentions(code, URLS).filter((path) => path.startsWith('.')),
    ...mentions(code, RESOLVED),
  ])
  const modules = [...specifiers].map((specifier) => {
    const type = types.get(specifier)
    return type === undefined ? { specifier } : { specifier, type }
  })
  return { modules, folders: foldersIn(code), picks: PICKS.test(code) }
}

function scan(code: string, language: Language): readonly string[] {
  try {
    return transpilers[language]()
      .scanImports(code)
      .map(({ path }) => path)
  } catch {
    // Loading the module reports the error, with its place.
    return []
  }
}

function mentions(code: string, pattern: RegExp): readonly string[] {
  return [...code.matchAll(pattern)].map(([, , specifier = '']) => specifier)
}

function foldersIn(code: string): readonly string[] {
  const beginnings = [...code.matchAll(FOLDERS)].map(([, , quoted, template]) => quoted ?? template ?? '')
  return [...new Set(beginnings.map((path) => path.slice(0, path.lastIndexOf('/') + 1)))]
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}
