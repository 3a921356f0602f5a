import { linkRuntime } from '../link-runtime.ts'
import { COMPILED_EXTENSIONS } from './compiled-extensions.ts'
import { javascriptModule, JAVASCRIPT_LOADERS } from './javascript-module.ts'
import type { PluginModule } from './javascript-module.ts'
import { contentPath, readManifest } from './manifest.ts'
import type { SnapshotFile, SnapshotManifest } from './manifest.ts'
import { extensionOf, pathBelow, pathFrom } from './posix-path.ts'
import { readText } from './read-text.ts'

export interface LoadSnapshotOptions {
  /** Loads a file to compile that the snapshot does not have. */
  compileFromDisk(path: string): PluginModule | Promise<PluginModule>
}

/**
 * Makes Bun load the application's modules from a snapshot in this process, whatever their files contain by
 * now. Modules elsewhere and in `node_modules` come from disk as ever, and so do modules that did not exist
 * when the snapshot was taken: the application may write some itself.
 *
 * @throws {Error} When the folder holds no readable snapshot.
 */
export function loadSnapshot(folder: string, options: LoadSnapshotOptions): void {
  const manifest = readManifest(folder)
  const snapshot = new LoadedSnapshot(folder, manifest)
  Bun.plugin({
    name: `rip-transpile snapshot ${manifest.generation ?? ''}`,
    setup(build) {
      // Bun 1.4.5 asks only about specifiers that contain a dot after the folder, such as './a.ts'.
      build.onResolve({ filter: /^(?:\.{1,2}\/|\/)/ }, ({ path, importer }) => {
        const found = snapshot.resolve(path, importer)
        return found === undefined ? undefined : { path: found }
      })
      build.onLoad({ filter: modulesBelow(manifest.root) }, ({ path }) => {
        return snapshot.load(path) ?? fromDisk(path, options)
      })
    },
  })
}

function modulesBelow(root: string): RegExp {
  const extensions = [...COMPILED_EXTENSIONS, ...Object.keys(JAVASCRIPT_LOADERS)]
  const endings = extensions.map((extension) => RegExp.escape(extension)).join('|')
  return new RegExp(`^${RegExp.escape(root)}/(?!(?:.*/)?node_modules/).*(?:${endings})$`)
}

/** Bun requires an answer for every file the filter matches. */
function fromDisk(path: string, options: LoadSnapshotOptions): PluginModule | Promise<PluginModule> {
  if (COMPILED_EXTENSIONS.has(extensionOf(path))) return options.compileFromDisk(path)
  // Not frozen: a file that is cut short while it is mapped would end the process.
  return javascriptModule(path, process.getBuiltinModule('node:fs').readFileSync(path, 'utf8'))
}

class LoadedSnapshot {
  readonly #folder: string
  readonly #manifest: SnapshotManifest

  constructor(folder: string, manifest: SnapshotManifest) {
    this.#folder = folder
    this.#manifest = manifest
  }

  /** Path of a module of the snapshot, so that one whose file is gone is found all the same. */
  resolve(specifier: string, importer: string): string | undefined {
    const path = this.#inRoot(pathFrom(importer, specifier))
    return this.#find(path) ? path : undefined
  }

  load(path: string): PluginModule | undefined {
    const file = this.#find(path)
    if (!file) return undefined
    const contents = readText(contentPath(this.#folder, file.code ?? file.hash))
    if (file.code === undefined) return javascriptModule(path, contents)
    return { contents: linkRuntime(contents), loader: 'js' }
  }

  /** The entry point may be named through a link such as `current`, which may lead to a newer release by now. */
  #inRoot(path: string): string {
    const { root, namedRoot } = this.#manifest
    return path.startsWith(`${namedRoot}/`) ? root + path.slice(namedRoot.length) : path
  }

  #find(path: string): SnapshotFile | undefined {
    const { root, files } = this.#manifest
    const name = pathBelow(root, path)
    return name !== undefined && Object.hasOwn(files, name) ? files[name] : undefined
  }
}
