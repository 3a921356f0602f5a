import type { BunPlugin } from 'bun'
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

/** A plug-in for `Bun.build`, which then bundles files of the language; the runtime they use is bundled with them. */
export function ripPlugin({ adapter, extensions = DEFAULT_EXTENSIONS, root }: PluginOptions = {}): BunPlugin {
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
