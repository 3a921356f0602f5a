/**
 * Bundles the programs that a server starts often, each beside its sources: loading one file takes less time than
 * loading a hundred modules (`bun run bench starts`). It runs at each installation of the workspace and before packing;
 * a bundle whose sources have changed is not used, so nothing has to be built during development.
 *
 *   bun scripts/src/bundle.ts          bundles whose sources have changed
 *   bun scripts/src/bundle.ts --anew   all bundles; removes all former ones
 */
import { statSync } from 'node:fs'
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import {
  bundledProgram,
  type BundleSources,
  digestOf,
  SOURCES,
  type SourceFiles,
} from '../../packages/rip-server/src/programs/bundle.ts'

interface Program {
  /** Folder of its package. */
  readonly folder: string
  /** Modules that get files of their own: the program itself, and modules that it loads by name. */
  readonly entries: readonly string[]
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
    program: 'main.js',
  },
  {
    folder: 'packages/rip-balancer',
    entries: ['packages/rip-balancer/src/main.ts'],
    program: 'bin/rip-balancer',
  },
  {
    folder: 'packages/rip-transpile',
    entries: ['packages/rip-transpile/src/builder.ts'],
    program: 'builder.js',
  },
]

/** How long parts of a former bundle are kept, because running processes load them when they need them. */
const FORMER_PARTS_MS = 24 * 60 * 60 * 1000

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
    console.error(`warning: ${program.folder} has no bundle and starts from its sources: ${String(error)}`)
  }
}

async function bundle(program: Program): Promise<void> {
  const home = join(root, program.folder)
  const target = join(home, 'bundle')
  if (anew) await rm(target, { recursive: true, force: true })
  else if (bundledProgram(home, program.program) !== undefined) return
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

async function make({ entries, program }: Program, { home, target, unfinished }: Folders): Promise<void> {
  const startedMs = Date.now()
  const { outputs, metafile } = await Bun.build({
    entrypoints: entries.map((entry) => join(root, entry)),
    outdir: unfinished,
    target: 'bun',
    conditions: ['@rip/source'],
    splitting: true,
    naming: { entry: '[name].[ext]', chunk: 'part-[hash].[ext]' },
    // With it, stack traces name the sources.
    sourcemap: 'linked',
    metafile: true,
  })
  const inputs = Object.keys(metafile?.inputs ?? {})
  const files = await sourceFiles(inputs)
  const sources: BundleSources = { digest: digestOf(home, files), files }
  const written = inputs.find((input) => statSync(resolve(input)).ctimeMs >= startedMs - CLOCK_STEP_MS)
  // The digest would vouch for an edit that the bundle may not have.
  if (written !== undefined) throw new Error(`${written} was written while it was bundled; run this again`)
  // The bundle is not used until this file is written again, at the end.
  await rm(join(target, SOURCES), { force: true })
  await mkdir(join(target, dirname(program)), { recursive: true })
  const main = outputs.find(({ kind }) => kind === 'entry-point')!.path
  const names = outputs.filter(({ path }) => path !== main).map(({ path }) => basename(path))
  for (const name of names) {
    // Bun looks for a source map under the name of the program, and says so where there is none.
    const kept = name === `${basename(main)}.map` ? `${basename(program)}.map` : name
    await rename(join(unfinished, name), join(target, dirname(program), kept))
  }
  await rename(main, join(target, program))
  await writeFile(join(target, `${SOURCES}.new`), JSON.stringify(sources))
  await rename(join(target, `${SOURCES}.new`), join(target, SOURCES))
  await removeFormer(join(target, dirname(program)), new Set(names))
}

/** The sources of a bundle by package. Paths in a metafile are relative to the working directory. */
async function sourceFiles(inputs: readonly string[]): Promise<SourceFiles> {
  const files: Record<string, string[]> = {}
  for (const input of inputs.toSorted()) {
    const [, folder = '', path = ''] = /^packages\/([^/]+)\/(.+)$/.exec(relative(root, resolve(input))) ?? []
    const manifest = await readFile(join(root, 'packages', folder, 'package.json'), 'utf8')
    const { name } = JSON.parse(manifest) as { name: string }
    ;(files[name] ??= []).push(path)
  }
  return files
}

async function removeFormer(folder: string, current: ReadonlySet<string>): Promise<void> {
  const former = (await readdir(folder)).filter((name) => name.startsWith('part-') && !current.has(name))
  for (const name of former) {
    const path = join(folder, name)
    if (Date.now() - (await stat(path)).mtimeMs > FORMER_PARTS_MS) await rm(path)
  }
}
