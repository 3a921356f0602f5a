/**
 * Bundles the programs that a server starts often, each beside its sources: loading one file takes less time than
 * loading a hundred modules, and less again if it is compiled ahead of time (`bun run bench starts`). It runs at each
 * installation of the workspace and before packing; a bundle whose sources have changed is not used, so nothing has to
 * be built during development.
 *
 *   bun scripts/src/bundle.ts          bundles whose sources have changed
 *   bun scripts/src/bundle.ts --anew   all bundles; removes all former ones
 */
import { statSync } from 'node:fs'
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import {
  type BundleSources,
  COMPILED,
  digestOf,
  isCurrent,
  runtimeName,
  SOURCES,
  type SourceFiles,
  stampOf,
} from '../../packages/rip-server/src/programs/bundle.ts'

interface Program {
  /** Folder of its package. */
  readonly folder: string
  /**
   * Modules that get files of their own, with shared parts: the program itself, and modules that it loads by name.
   *
   * @default none
   */
  readonly entries?: readonly string[]
  /**
   * The program as one file that is compiled ahead of time, and files that it loads by name, which share no parts with
   * it. None awaits anything at its top level.
   *
   * @default none
   */
  readonly compiled?: readonly string[]
  /** Path of the program below the bundle. */
  readonly program: string
}

const PROGRAMS: readonly Program[] = [
  {
    folder: 'packages/rip-worker',
    entries: [
      'packages/rip-worker/src/main.ts',
      'packages/rip-worker/src/command-main.ts',
      'packages/rip-worker/src/application/captured-bun-server.ts',
      'packages/rip-worker/src/application/captured-node-server.ts',
      'packages/rip-transpile/src/disk-loader.ts',
      'packages/rip-transpile/src/register.ts',
      'packages/rip-transpile/src/snapshot/kept-packages.ts',
    ],
    compiled: [
      'packages/rip-worker/src/main.ts',
      'packages/rip-worker/src/application/captured-bun-server.ts',
      'packages/rip-worker/src/application/captured-node-server.ts',
      'packages/rip-transpile/src/disk-loader.ts',
      'packages/rip-transpile/src/register.ts',
      'packages/rip-transpile/src/snapshot/kept-packages.ts',
    ],
    program: 'main.js',
  },
  {
    folder: 'packages/rip-balancer',
    entries: ['packages/rip-balancer/src/main.ts'],
    compiled: ['packages/rip-balancer/src/main.ts'],
    program: 'bin/rip-balancer',
  },
  {
    folder: 'packages/rip-transpile',
    entries: ['packages/rip-transpile/src/builder.ts'],
    program: 'builder.js',
  },
  {
    folder: 'packages/rip-server-cli',
    compiled: ['packages/rip-server-cli/src/serving.ts'],
    program: 'serving.js',
  },
]

/** How long parts of a former bundle are kept, because running processes load them when they need them. */
const FORMER_PARTS_MS = 24 * 60 * 60 * 1000

/** Namespace of modules that are not ours. */
const FOREIGN = 'foreign'

const COMMON = {
  target: 'bun',
  conditions: ['@rip/source'],
  // With it, stack traces name the sources.
  sourcemap: 'linked',
  metafile: true,
} satisfies Partial<Bun.BuildConfig>

/** Loads packages of others from where the package that depends on them finds them: the bundle is in another one. */
const foreignPackages: Bun.BunPlugin = {
  name: 'packages of others',
  setup(builder) {
    builder.onResolve({ filter: /^[^./]/ }, async ({ path, importer }) => {
      if (/^(?:@rip\/|node:|bun\b)/.test(path)) return undefined
      return { path: `${await packageName(importer)} ${path}`, namespace: FOREIGN }
    })
    builder.onLoad({ filter: /./, namespace: FOREIGN }, ({ path }) => {
      const [from, name] = path.split(' ').map((each) => JSON.stringify(each))
      const home = `Bun.resolveSync(${from} + '/package.json', import.meta.dir)`
      return { contents: `module.exports = require(Bun.resolveSync(${name}, ${home} + '/..'))`, loader: 'js' }
    })
  },
}

/** Time stamps of files may be older by one tick of the kernel's clock. */
const CLOCK_STEP_MS = 10

const root = resolve(import.meta.dir, '../..')
const anew = process.argv.includes('--anew')
for (const program of PROGRAMS) {
  try {
    await bundle(program)
  } catch (error) {
    // Packing needs all bundles; a checkout works without them.
    if (anew) throw error
    console.error(
      `warning: ${program.folder} has no bundle and starts from its sources: ${Bun.inspect(error)}`,
    )
  }
}

async function bundle(program: Program): Promise<void> {
  const home = join(root, program.folder)
  const target = join(home, 'bundle')
  if (anew) await rm(target, { recursive: true, force: true })
  else if (isCurrent(home)) return
  const unfinished = join(home, `bundle.new-${process.pid}`)
  try {
    await make(program, { home, target, unfinished })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

interface Folders {
  /** Folder of the package. */
  readonly home: string
  readonly target: string
  /** Folder of the new bundle until it is complete. */
  readonly unfinished: string
}

async function make({ entries, compiled, program }: Program, folders: Folders): Promise<void> {
  const { home, target, unfinished } = folders
  const startedMs = Date.now()
  const builds = [
    ...(entries === undefined ? [] : [await build(entries, unfinished)]),
    ...(compiled === undefined ? [] : [await compile(compiled, join(unfinished, COMPILED))]),
  ]
  const inputs = [...new Set(builds.flatMap(({ metafile }) => Object.keys(metafile?.inputs ?? {})))]
  const own = inputs.filter((input) => !input.startsWith(FOREIGN))
  const files = await sourceFiles(own)
  const sources: BundleSources = {
    runtime: runtimeName(),
    stamp: stampOf(home, files),
    digest: digestOf(home, files),
    files,
  }
  const written = own.find((input) => statSync(resolve(input)).ctimeMs >= startedMs - CLOCK_STEP_MS)
  // The digest would vouch for an edit that the bundle may not have.
  if (written !== undefined) throw new Error(`${written} was written while it was bundled; run this again`)
  // The bundle is not used until this file is written again, at the end.
  await rm(join(target, SOURCES), { force: true })
  if (entries !== undefined) await place(unfinished, entries[0]!, join(target, program))
  if (compiled !== undefined)
    await place(join(unfinished, COMPILED), compiled[0]!, join(target, COMPILED, program))
  await mkdir(target, { recursive: true })
  await writeFile(join(target, `${SOURCES}.new`), JSON.stringify(sources))
  await rename(join(target, `${SOURCES}.new`), join(target, SOURCES))
}

/** Files that load their parts when they need them. */
function build(entries: readonly string[], outdir: string): Promise<Bun.BuildOutput> {
  return Bun.build({
    ...COMMON,
    entrypoints: entries.map((entry) => join(root, entry)),
    outdir,
    splitting: true,
    naming: { entry: '[name].[ext]', chunk: 'part-[hash].[ext]' },
  })
}

/** Whole files, each with its bytecode beside it. */
async function compile(entries: readonly string[], outdir: string): Promise<Bun.BuildOutput> {
  const output = await Bun.build({
    ...COMMON,
    entrypoints: entries.map((entry) => join(root, entry)),
    outdir,
    naming: '[name].[ext]',
    format: 'cjs',
    bytecode: true,
    // Such a file is no module, and only modules are strict by themselves, and know where they are.
    banner:
      '"use strict"; const bundleFolder = __dirname, bundleFile = __filename, bundleUrl = Bun.pathToFileURL(__filename).href;',
    define: {
      'import.meta.dir': 'bundleFolder',
      'import.meta.path': 'bundleFile',
      'import.meta.url': 'bundleUrl',
      'import.meta.require': 'require',
    },
    plugins: [foreignPackages],
  })
  if (output.outputs.filter(({ kind }) => kind === 'bytecode').length < entries.length)
    throw new Error(`${entries.join(', ')}: not all can be compiled; do they use import.meta in other ways?`)
  for (const each of output.outputs.filter(({ kind }) => kind === 'entry-point'))
    if ((await each.text()).includes(root)) throw new Error(`${each.path} names this folder`)
  return output
}

/** Moves a build to where its program is to be, which gets the name it is to have. */
async function place(from: string, entry: string, program: string): Promise<void> {
  const folder = dirname(program)
  await mkdir(folder, { recursive: true })
  const files = await readdir(from, { withFileTypes: true })
  const names = files.filter((each) => each.isFile()).map(({ name }) => name)
  const main = `${basename(entry, '.ts')}.js`
  // The program comes last: it is nothing without the others.
  for (const name of names.filter((each) => each !== main)) {
    // Bun looks for bytecode and source map under the name of the program.
    const ofMain = name.startsWith(`${main}.`) ? name.slice(main.length) : undefined
    await rename(join(from, name), ofMain === undefined ? join(folder, name) : `${program}${ofMain}`)
  }
  await rename(join(from, main), program)
  await removeFormer(folder, new Set(names))
}

/** The sources of a bundle by package. Paths in a metafile are relative to the working directory. */
async function sourceFiles(inputs: readonly string[]): Promise<SourceFiles> {
  const files: Record<string, string[]> = {}
  for (const input of inputs.toSorted()) (files[await packageName(input)] ??= []).push(placeOf(input).path)
  return files
}

async function packageName(file: string): Promise<string> {
  const manifest = await readFile(join(root, 'packages', placeOf(file).folder, 'package.json'), 'utf8')
  return (JSON.parse(manifest) as { name: string }).name
}

/** The folder of a package, and the path below it. */
function placeOf(file: string): { readonly folder: string; readonly path: string } {
  const [, folder = '', path = ''] = /^packages\/([^/]+)\/(.+)$/.exec(relative(root, resolve(file))) ?? []
  return { folder, path }
}

async function removeFormer(folder: string, current: ReadonlySet<string>): Promise<void> {
  const former = (await readdir(folder)).filter((name) => name.startsWith('part-') && !current.has(name))
  for (const name of former) {
    const path = join(folder, name)
    if (Date.now() - (await stat(path)).mtimeMs > FORMER_PARTS_MS) await rm(path)
  }
}
