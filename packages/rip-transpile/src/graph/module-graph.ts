import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import type { Adapter } from '../adapter.ts'
import { bunModule } from '../bun-module.ts'
import { CompileError } from '../compile-error.ts'
import { COMPILED_EXTENSIONS } from '../snapshot/compiled-extensions.ts'
import { isCommonjs, JAVASCRIPT_LOADERS } from '../snapshot/javascript-module.ts'
import { moduleFiles } from '../snapshot/module-files.ts'
import { pathBelow, pathFrom } from '../snapshot/posix-path.ts'
import { ConfigFiles } from './config-files.ts'
import { type DataLoader, dataLoader } from './data-loaders.ts'
import { isKept, type PackageFile, type PackageFiles, type ReadPackageFile, stampOf } from './package-set.ts'
import { ReferenceMemory } from './reference-memory.ts'
import { type Reference, type References, referencesOf } from './references.ts'
import { Resolver } from './resolve-module.ts'

/**
 * How sure it is that a module runs. `imported`: its name is in the code that runs; `possible`: it is in a folder that
 * code picks modules from; `lying`: it lies below the root, where the application may find it by itself.
 */
export type Certainty = 'imported' | 'possible' | 'lying'

/** A module that is kept with the application. */
export interface GraphModule {
  readonly bytes: Uint8Array
  /** What a compiler made of it. */
  readonly code?: string
  /** How it is read, if it is data. */
  readonly loader?: DataLoader
  /** Absolute paths by specifier, except where the specifier says as much. */
  readonly imports: Readonly<Record<string, string>>
}

export interface ModuleGraphOptions {
  /** Real path of the application's folder. */
  readonly root: string
  adapterFor(extension: string): Adapter
  /** Files in `node_modules` as an earlier graph met them; only those that did not change since. */
  readonly knownPackages?: PackageFiles
  /** Files in `node_modules` as they once were: what did not change need not be scanned again. */
  readonly earlierPackages?: PackageFiles
  /** Whether the content of those is kept, so that they need not even be read again. @default false */
  readonly earlierAreKept?: boolean
  /** Gets the modules that import each file, by real paths. @default that is not noted */
  readonly importers?: Map<string, Set<string>>
  /** References that earlier builds found in code. @default none */
  readonly memory?: ReferenceMemory
}

interface Visit {
  readonly path: string
  readonly certainty: Certainty
  readonly type?: string | undefined
}

/**
 * The modules an application consists of: those it begins with and what they import, wherever that is. Code in
 * `node_modules` counts as of its packages and is held apart.
 */
export class ModuleGraph {
  readonly modules: Map<string, GraphModule> = new Map()
  /** Files in `node_modules`. */
  readonly packages: Map<string, ReadPackageFile> = new Map()
  /** Whether `packages` has what `knownPackages` has, and no more. */
  packagesAreKnown = true
  /** Files that affect what runs but are not kept as modules: images, native code, a `package.json`, a `tsconfig.json`. */
  readonly others: Set<string> = new Set()
  /** Whether an imported module imports others by a name that is known only at run time. */
  picksModules = false
  /** Errors of modules that are certain to run, and of those that may run; other files may be content. */
  readonly errors: CompileError[] = []
  readonly doubts: CompileError[] = []
  readonly #options: ModuleGraphOptions
  readonly #memory: ReferenceMemory
  readonly #resolver = new Resolver()
  readonly #visited = new Set<string>()
  readonly #manifests = new Map<string, string | undefined>()
  readonly #configFiles = new ConfigFiles()

  constructor(options: ModuleGraphOptions) {
    this.#options = options
    this.#memory = options.memory ?? new ReferenceMemory()
  }

  /** Adds modules, by real path, and what they import. Begin with what is certain. */
  async add(paths: readonly string[], certainty: Certainty): Promise<void> {
    const queue: Visit[] = paths.map((path) => ({ path, certainty }))
    const possible: Visit[] = []
    for (let visit = queue.shift() ?? possible.shift(); visit; visit = queue.shift() ?? possible.shift()) {
      if (this.#visited.has(visit.path)) continue
      this.#visited.add(visit.path)
      for (const next of await this.#visit(visit)) {
        this.#noteImporter(next.path, visit.path)
        ;(next.certainty === certainty ? queue : possible).push(next)
      }
    }
  }

  /** All files whose content decides what runs, except in `node_modules`. */
  get files(): readonly string[] {
    return [...this.modules.keys(), ...this.others]
  }

  #noteImporter(path: string, importer: string): void {
    const { importers } = this.#options
    if (importers === undefined || path === importer) return
    const known = importers.get(path)
    if (known === undefined) importers.set(path, new Set([importer]))
    else known.add(importer)
  }

  async #visit(visit: Visit): Promise<readonly Visit[]> {
    const { path, certainty } = visit
    if (this.#isPackageFile(path)) return certainty === 'lying' ? [] : this.#visitPackage(path)
    if (pathBelow(this.#options.root, path) === undefined) this.#noteManifests(path)
    for (const file of this.#configFiles.of(dirname(path))) this.others.add(file)
    const loader = dataLoader(extname(path), visit.type)
    if (visit.type !== undefined && loader === undefined) return this.#noteOther(path)
    const bytes = read(path)
    if (bytes === undefined) return []
    if (loader !== undefined) return this.#keep(path, { bytes, loader, imports: {} })
    if (COMPILED_EXTENSIONS.has(extname(path))) return await this.#visitCompiled(visit, bytes)
    const language = JAVASCRIPT_LOADERS[extname(path) as keyof typeof JAVASCRIPT_LOADERS]
    if (language === undefined) return this.#noteOther(path)
    if (language === 'json') return this.#keep(path, { bytes, imports: {} })
    const known = this.#memory.recall(bytes, extname(path), () => {
      const code = bytes.toString('utf8')
      return { references: referencesOf(code, language), commonjs: isCommonjs(path, code, language) }
    })
    const references = this.#resolve(path, known.references, known.commonjs)
    this.#keep(path, { bytes, imports: references.imports })
    return this.#follow(visit, references)
  }

  async #visitCompiled(visit: Visit, bytes: Buffer): Promise<readonly Visit[]> {
    const { path, certainty } = visit
    try {
      const adapter = this.#options.adapterFor(extname(path))
      const result = await adapter.compile(bytes.toString('utf8'), { filename: path, sourceMap: true })
      const known = this.#memory.recall(Buffer.from(result.code), '.js', () => {
        return { references: referencesOf(result.code, 'js'), commonjs: false }
      })
      const references = this.#resolve(path, known.references, false)
      this.#keep(path, { bytes, code: bunModule(result), imports: references.imports })
      return this.#follow(visit, references)
    } catch (error) {
      if (!CompileError.is(error)) throw error
      if (certainty === 'imported') this.errors.push(error)
      else if (certainty === 'possible') this.doubts.push(error)
      // Followed, because a change of the file may repair it.
      return this.#noteOther(path)
    }
  }

  #keep(path: string, module: GraphModule): readonly Visit[] {
    this.modules.set(path, module)
    return []
  }

  #noteOther(path: string): readonly Visit[] {
    this.others.add(path)
    return []
  }

  /** Which file a name leads to is decided by the manifest of the package it is in. */
  #noteManifests(path: string): void {
    const manifest = this.#manifestOf(dirname(path))
    if (manifest !== undefined) this.others.add(manifest)
  }

  #manifestOf(folder: string): string | undefined {
    const known = this.#manifests.get(folder)
    if (known !== undefined || this.#manifests.has(folder)) return known
    const manifest = join(folder, 'package.json')
    const above = dirname(folder)
    const found = existsSync(manifest) ? manifest : above === folder ? undefined : this.#manifestOf(above)
    this.#manifests.set(folder, found)
    return found
  }

  #resolve(importer: string, references: References, commonjs: boolean): ResolvedReferences {
    const imports: Record<string, string> = {}
    const targets: { readonly path: string; readonly reference: Reference }[] = []
    for (const reference of references.modules) {
      const path = this.#resolver.resolve(reference.specifier, { importer, commonjs })
      if (path === undefined) continue
      targets.push({ path, reference })
      if (!saysAsMuch(reference.specifier, importer, path)) imports[reference.specifier] = path
    }
    const folders = references.folders.map((folder) => pathFrom(importer, folder))
    return { imports, targets, folders, picks: references.picks }
  }

  #follow({ certainty }: Visit, { targets, folders, picks }: ResolvedReferences): readonly Visit[] {
    const weaker = certainty === 'imported' ? 'possible' : certainty
    this.picksModules ||= picks && certainty === 'imported'
    return [
      ...targets.map(({ path, reference }) => ({ path, certainty, type: reference.type })),
      ...folders.flatMap((folder) => modulesIn(folder).map((path) => ({ path, certainty: weaker }) as const)),
    ]
  }

  #isPackageFile(path: string): boolean {
    return `/${pathBelow(this.#options.root, path) ?? path}`.includes('/node_modules/')
  }

  /** Takes the imports from an earlier graph. */
  #visitPackage(path: string): readonly Visit[] {
    const known = this.#options.knownPackages?.get(path)
    const file = known ?? this.#readPackageFile(path)
    if (file === undefined) return []
    if (known === undefined) this.packagesAreKnown = false
    this.packages.set(path, file)
    const manifest = this.#manifestOf(dirname(path))
    const targets = Object.values(file.imports).filter((target) => target !== null)
    const next = [...targets, ...(manifest === undefined ? [] : [manifest])]
    return next.map((target) => ({ path: target, certainty: 'imported' }) as const)
  }

  #readPackageFile(path: string): ReadPackageFile | undefined {
    const { earlierPackages, earlierAreKept = false } = this.#options
    const earlier = earlierPackages?.get(path)
    try {
      const stamp = stampOf(statSync(path))
      if (earlierAreKept && earlier?.kept && earlier.stamp === stamp)
        return resolved(path, earlier, this.#resolver)
      const bytes = readFileSync(path)
      const hash = new Bun.CryptoHasher('sha256').update(bytes).digest('hex')
      const kept = isKept(path, bytes.length)
      if (earlier?.hash === hash)
        return { ...resolved(path, { ...earlier, stamp, kept }, this.#resolver), bytes }
      return { ...resolved(path, { hash, stamp, kept, ...scanned(path, bytes) }, this.#resolver), bytes }
    } catch {
      // EACCES, ENOENT: loading the module reports it.
      return undefined
    }
  }
}

/** The file with the paths that its imports lead to now. */
function resolved(path: string, file: PackageFile, resolver: Resolver): PackageFile {
  const imports = Object.keys(file.imports).map((specifier) => {
    const target = resolver.resolve(specifier, { importer: path, commonjs: file.commonjs })
    return [specifier, target ?? null] as const
  })
  return { ...file, imports: Object.fromEntries(imports) }
}

/** What a file of a package imports; that takes most of the time, see {@link ModuleGraphOptions.earlierPackages}. */
function scanned(path: string, bytes: Buffer): Pick<PackageFile, 'commonjs' | 'imports'> {
  const language = JAVASCRIPT_LOADERS[extname(path) as keyof typeof JAVASCRIPT_LOADERS]
  if (language === undefined || language === 'json') return { commonjs: false, imports: {} }
  const code = bytes.toString('utf8')
  const { modules } = referencesOf(code, language)
  const commonjs = !/\.m[jt]s$/.test(path) && !/^\s*(?:import|export)\b/m.test(code)
  return { commonjs, imports: Object.fromEntries(modules.map(({ specifier }) => [specifier, null])) }
}

interface ResolvedReferences {
  readonly imports: Readonly<Record<string, string>>
  readonly targets: readonly { readonly path: string; readonly reference: Reference }[]
  /** Absolute paths. */
  readonly folders: readonly string[]
  readonly picks: boolean
}

/** Whether a specifier is a path with an ending that leads to that very file. */
function saysAsMuch(specifier: string, importer: string, path: string): boolean {
  return /^(?:\.{1,2}\/|\/)/.test(specifier) && pathFrom(importer, specifier) === path
}

function modulesIn(folder: string): readonly string[] {
  try {
    return moduleFiles(folder).map((path) => join(folder, path))
  } catch {
    // ENOENT
    return []
  }
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    // ENOENT, EISDIR: removed meanwhile, or no module.
    return undefined
  }
}
