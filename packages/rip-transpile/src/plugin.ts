import type { Adapter } from './adapter.ts'
import { DEFAULT_EXTENSIONS } from './defaults.ts'
import { linkRuntime } from './link-runtime.ts'
import { selectAdapter } from './select-adapter.ts'
import { extensionOf } from './snapshot/posix-path.ts'

export interface PluginOptions {
  /** Compiler of the files, by name or as an object. @default the one the project chose, or that of the ending */
  readonly adapter?: string | Adapter
  /** Endings of the files to compile. @default ['.rip'] */
  readonly extensions?: readonly string[]
  /** Folder of the project; compilers are looked up from here. @default the working directory */
  readonly root?: string
}

/** What `Bun.build` gives a plug-in, as far as this one uses it: declarations that need no types of Bun. */
interface PluginBuilder {
  onLoad(
    files: { filter: RegExp },
    load: (file: { path: string }) => Promise<{ contents: string; loader: 'js' }>,
  ): unknown
}

/** A plug-in as `Bun.build` takes it. */
export interface RipPlugin {
  name: string
  setup(build: PluginBuilder): void
}

/** A plug-in for `Bun.build`, which then bundles files of the language; the runtime they use is bundled with them. */
export function ripPlugin({ adapter, extensions = DEFAULT_EXTENSIONS, root }: PluginOptions = {}): RipPlugin {
  const compilerFor = (extension: string): Adapter =>
    typeof adapter === 'object' ? adapter : selectAdapter({ name: adapter, root, extension })
  return {
    name: 'rip',
    setup(build) {
      const filter = new RegExp(`(?:${extensions.map((extension) => RegExp.escape(extension)).join('|')})$`)
      build.onLoad({ filter }, async ({ path }) => {
        const source = await Bun.file(path).text()
        const { code } = await compilerFor(extensionOf(path)).compile(source, { filename: path })
        return { contents: linkRuntime(code, path), loader: 'js' }
      })
    },
  }
}
