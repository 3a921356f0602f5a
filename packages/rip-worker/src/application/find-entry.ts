import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, normalize, parse, relative, resolve } from 'node:path'
import { reasonOf, WorkerError } from '../errors.ts'
import type { StaticFolder } from '../static/static-folder.ts'
import {
  bareBuilds,
  type FrameworkBuild,
  pageBuilds,
  serverBuilds,
  sourceBuilds,
} from './framework-builds.ts'
import { devServerOf, frameworkOf, startScript } from './frameworks.ts'
import { type PackageEntry, packageEntries } from './package-entries.ts'
import { type Project, projectIn } from './project.ts'
import { type PackageManifest, readManifest } from './read-manifest.ts'
import { startFile } from './start-file.ts'

/** Names of files that are tried, in this order, when neither the command line nor `package.json` names the entry. */
const NAMES = ['index', 'app', 'server', 'main'] as const
const EXTENSIONS = ['.rip', '.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs'] as const

/** Folders that hold what a build made, which may be older than its source or not there at all. */
const BUILD_FOLDERS = new Set(['dist', 'build', 'out', 'output', '.output'])

/** A folder with this file has the code of the browser in `src`. */
const PAGE = 'index.html'

/** Entry points that builds may leave behind, which are served only when named. */
const KNOWN_BUILDS = ['build/index.js', 'dist/main.js', 'dist/index.js'] as const

export interface FindEntryOptions {
  /** @default the working directory of the process */
  readonly cwd?: string
  /** Folder of a snapshot: only modules it has count, whether or not they are on disk. */
  readonly snapshot?: string | undefined
  /**
   * Whether the folder belongs to a user with fewer rights than this process: a `package.json` that is a link out of it
   * is refused. @default false
   */
  readonly isForeign?: boolean
  /** Whether a framework's project is served by its own development server. @default false */
  readonly isDevelopment?: boolean
}

export interface Entry {
  /** Absolute path of the file; of a page where there are only files, and of the folder where a command serves it. */
  readonly file: string
  readonly foundBy: 'given' | 'package.json' | 'convention'
  /** Why this file was chosen, if its name is not the one a user would look for first. */
  readonly because?: string
  /** Files that are served before it, with absolute paths. @default none */
  readonly static?: readonly StaticFolder[]
  /**
   * Of what is ignored in its folder, relative to it, what changes with each build. @default the folder that the file is in
   */
  readonly content?: readonly string[]
  /** What runs it, in its folder, because no worker can load it. */
  readonly command?: readonly string[]
  /** The file that the command runs, if it runs one. */
  readonly runs?: string
}

/** Whether a module belongs to the application. */
type HasModule = (file: string) => boolean

/**
 * The file of an application, the first that exists of:
 *
 * 1. the given file;
 * 2. `rip.entry` of the folder's `package.json`;
 * 3. `index`, `app`, `server`, `main` in the folder, with the endings of `EXTENSIONS`; but if `scripts.start` runs a file
 *    of such a name, that one or its source, unless a development server is started;
 * 4. what `module`, `main` or `exports` of `package.json` name, or the source of it: `src/a.ts` for `dist/a.js`;
 * 5. in development, the development server of a framework; else what its build has left;
 * 6. the names of 3 in `src`, unless an `index.html` in the folder makes that the code of a browser, or a framework's
 *    package that of its build;
 * 7. what `module`, `main` or `exports` name in a folder of builds;
 * 8. `scripts.start`, as a command;
 * 9. a folder of pages.
 *
 * @throws WorkerError `RIP_APP_NOT_FOUND`, `RIP_APP_MISSING`, `RIP_APP_AMBIGUOUS`, `RIP_APP_NOT_BUILT`, `RIP_APP_PAGE`,
 * `RIP_PACKAGE_UNREADABLE`, `RIP_LOADER_FAILED`.
 */
export function findEntry(target: string = '.', options: FindEntryOptions = {}): Entry {
  const named = resolve(options.cwd ?? process.cwd(), target)
  const manifest = options.snapshot === undefined ? undefined : readSnapshot(options.snapshot)
  const path = manifest === undefined ? named : pathIn(manifest, named)
  const has = manifest === undefined ? isFile : modulesOf(manifest)
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory()
  if (isFolder === false || (isFolder === undefined && has(path))) return givenEntry(path)
  if (isFolder === undefined && manifest === undefined) {
    throw new WorkerError('RIP_APP_MISSING', { file: path, namedBy: 'the command line' })
  }
  return searchFolder(path, has, { ...options, isOnDisk: manifest === undefined })
}

/** A page stands for the files around it, which must not be those of a project. */
function givenEntry(file: string): Entry {
  if (!file.endsWith('.html')) return { file, foundBy: 'given' }
  const folder = dirname(file)
  if (isFile(join(folder, 'package.json'))) throw new WorkerError('RIP_APP_PAGE', { file })
  return { file, foundBy: 'given', static: [{ at: '/', folder }] }
}

interface SearchOptions extends Pick<FindEntryOptions, 'isForeign' | 'isDevelopment'> {
  /** As opposed to a snapshot, which has modules alone. */
  readonly isOnDisk: boolean
}

function searchFolder(folder: string, has: HasModule, options: SearchOptions): Entry {
  const manifestFile = join(folder, 'package.json')
  const staysInFolder = options.isForeign
  const manifest = existsSync(manifestFile) ? readManifest(manifestFile, { staysInFolder }) : {}
  const named = namedForUs(manifest, manifestFile, has)
  if (named !== undefined) return named
  const entries = packageEntries(manifest)
  const project = options.isOnDisk ? projectIn(folder, manifest) : undefined
  const hasDevServer =
    options.isDevelopment === true && project !== undefined && devServerOf(project) !== undefined
  const found =
    (hasDevServer ? undefined : namedByStart(folder, manifest, has)) ??
    namedByConvention(folder, has) ??
    namedByPackage(folder, entries, has) ??
    (project && servedByFramework(folder, project, options)) ??
    namedInSources(folder, has) ??
    builtByPackage(folder, entries, has) ??
    (project && servedOtherwise(folder, project))
  if (found !== undefined) return found
  throw new WorkerError('RIP_APP_NOT_FOUND', { searched: folder, tried: triedIn(folder, entries) })
}

/** @throws WorkerError `RIP_APP_AMBIGUOUS`, `RIP_APP_NOT_BUILT` */
function servedByFramework(folder: string, project: Project, options: SearchOptions): Entry | undefined {
  const server = options.isDevelopment === true ? devServerOf(project) : undefined
  if (server !== undefined) return { file: folder, foundBy: 'package.json', ...server }
  const build = onlyOne(folder, serverBuilds(project)) ?? onlyOne(folder, bareBuilds(project))
  if (build !== undefined) return serverAround(folder, build, project) ?? builtEntry(folder, build)
  const framework = frameworkOf(project)
  if (framework === undefined) return undefined
  const other = servedOtherwise(folder, project)
  if (other !== undefined) return other
  throw new WorkerError('RIP_APP_NOT_BUILT', { folder, framework })
}

/** @throws WorkerError `RIP_APP_AMBIGUOUS` */
function servedOtherwise(folder: string, project: Project): Entry | undefined {
  const build = onlyOne(folder, sourceBuilds(project))
  if (build !== undefined) return builtEntry(folder, build)
  const command = startScript(project)
  if (command !== undefined) return startedBy(command, folder, project)
  const pages = onlyOne(folder, pageBuilds(project))
  return pages && builtEntry(folder, pages)
}

function startedBy(command: readonly string[], folder: string, project: Project): Entry {
  const path = startFile(project.script('start') ?? '')
  const runs = path === undefined ? undefined : fileAt(folder, path, isFile)
  return {
    file: folder,
    foundBy: 'package.json',
    because: '"start" in package.json',
    command,
    ...(runs !== undefined && { runs }),
  }
}

/** @throws WorkerError `RIP_APP_AMBIGUOUS` */
function onlyOne(folder: string, builds: readonly FrameworkBuild[]): FrameworkBuild | undefined {
  const [first, second] = builds
  if (second === undefined) return first
  throw new WorkerError('RIP_APP_AMBIGUOUS', { folder, found: builds.map(({ name }) => name) })
}

/** A server of the project's own that a build without one is made for, such as one of Express around Astro. */
function serverAround(folder: string, { files }: FrameworkBuild, project: Project): Entry | undefined {
  const path = files === undefined ? undefined : startFile(project.script('start') ?? '')
  if (path === undefined || isBuild(path)) return undefined
  const file = fileAt(folder, path, isFile)
  if (file === undefined) return undefined
  return { file, foundBy: 'package.json', because: '"start" in package.json' }
}

function builtEntry(folder: string, build: FrameworkBuild): Entry {
  const { name, marker, entry = marker, command, files, content } = build
  return {
    file: command === undefined ? join(folder, entry) : folder,
    foundBy: 'convention',
    because: name,
    ...(command !== undefined && { command }),
    ...(content && { content }),
    ...(files && { static: files.map((each) => ({ ...each, folder: join(folder, each.folder) })) }),
  }
}

/** What is read of a snapshot's manifest. */
interface SnapshotManifest {
  readonly root: string
  /** The root as it was given; a link in it may lead to a newer release by now. */
  readonly namedRoot: string
  readonly files: Readonly<Record<string, unknown>>
}

function readSnapshot(folder: string): SnapshotManifest {
  try {
    return JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as SnapshotManifest
  } catch (cause) {
    throw new WorkerError('RIP_LOADER_FAILED', { reason: reasonOf(cause) }, { cause })
  }
}

/** A snapshot knows its modules by the real paths they had when it was taken. */
function pathIn({ root, namedRoot }: SnapshotManifest, path: string): string {
  if (path === namedRoot || path.startsWith(`${namedRoot}/`)) return root + path.slice(namedRoot.length)
  try {
    return realpathSync(path)
  } catch {
    // ENOENT: the files were removed since; the snapshot has them.
    return path
  }
}

function modulesOf({ root, files }: SnapshotManifest): HasModule {
  return (file) => Object.hasOwn(files, relative(root, file))
}

function isFile(path: string): boolean {
  // For a path that leads through a file, statSync throws ENOTDIR, and existsSync returns false.
  return existsSync(path) && statSync(path).isFile()
}

function namedForUs({ rip }: PackageManifest, manifestFile: string, has: HasModule): Entry | undefined {
  const entry = (rip as { readonly entry?: unknown } | null | undefined)?.entry
  if (entry === undefined) return undefined
  if (typeof entry !== 'string') {
    const reason = `"rip.entry" is ${JSON.stringify(entry)}, expected a path in quotes`
    throw new WorkerError('RIP_PACKAGE_UNREADABLE', { file: manifestFile, reason })
  }
  const file = resolve(dirname(manifestFile), entry)
  if (has(file)) return { file, foundBy: 'package.json' }
  throw new WorkerError('RIP_APP_MISSING', { file, namedBy: `"rip.entry" in ${manifestFile}` })
}

function namedByConvention(folder: string, has: HasModule): Entry | undefined {
  for (const name of NAMES) {
    const file = firstOf(join(folder, name), has)
    if (file !== undefined) return { file, foundBy: 'convention' }
  }
  return undefined
}

/** Where `app.js` is imported by a `server.js` that connects and listens, only the script tells which of them is run. */
function namedByStart(folder: string, { scripts }: PackageManifest, has: HasModule): Entry | undefined {
  const start = (scripts as Readonly<Record<string, unknown>> | null | undefined)?.['start']
  const path = typeof start === 'string' ? startFile(start) : undefined
  if (path === undefined || !NAMES.some((name) => name === parse(path).name)) return undefined
  const found = namedByPackage(folder, [{ field: 'start', path }], has)
  const usual = [namedByConvention(folder, has), namedInSources(folder, has)]
  return usual.find((entry) => entry?.file === found?.file) ?? found
}

function namedInSources(folder: string, has: HasModule): Entry | undefined {
  return isFile(join(folder, PAGE)) ? undefined : namedByConvention(join(folder, 'src'), has)
}

/** Sources before builds: what is edited is what is served, in development and in production alike. */
function namedByPackage(folder: string, entries: readonly PackageEntry[], has: HasModule): Entry | undefined {
  for (const { field, path } of entries) {
    const because = `"${field}" in package.json`
    const source = sourceOf(folder, path, has)
    if (source !== undefined)
      return { file: source, foundBy: 'package.json', because: `the source of ${path}, ${because}` }
    const file = isBuild(path) ? undefined : fileAt(folder, path, has)
    if (file !== undefined) return { file, foundBy: 'package.json', because }
  }
  return undefined
}

function builtByPackage(folder: string, entries: readonly PackageEntry[], has: HasModule): Entry | undefined {
  for (const { field, path } of entries) {
    const file = fileAt(folder, path, has)
    if (file !== undefined) return { file, foundBy: 'package.json', because: `"${field}" in package.json` }
  }
  return undefined
}

/** A path may leave out the ending, or be a folder with an `index` in it. */
function fileAt(folder: string, path: string, has: HasModule): string | undefined {
  const named = resolve(folder, path)
  if (has(named) && isModule(named)) return named
  return firstOf(named, has) ?? firstOf(join(named, 'index'), has)
}

/**
 * `src/a.ts`, else `a.ts`, for `dist/a.js`; `src/a.ts` for `lib/a.js`, which may be written by hand; `src/a.ts` for a
 * `src/a.js` that is not there.
 */
function sourceOf(folder: string, path: string, has: HasModule): string | undefined {
  const bare = normalize(path).replace(/\.[cm]?jsx?$/, '')
  const below = bare.slice(bare.indexOf('/') + 1)
  if (isBuild(path)) return firstSource(folder, [join('src', below), below], has)
  if (normalize(path).startsWith('lib/')) return firstSource(folder, [join('src', below)], has)
  return fileAt(folder, path, has) === undefined ? firstSource(folder, [bare], has) : undefined
}

function firstSource(folder: string, candidates: readonly string[], has: HasModule): string | undefined {
  for (const candidate of candidates) {
    const file = fileAt(folder, candidate, has)
    if (file !== undefined) return file
  }
  return undefined
}

function isBuild(path: string): boolean {
  return BUILD_FOLDERS.has(normalize(path).split('/')[0] ?? '')
}

function isModule(file: string): boolean {
  return EXTENSIONS.some((extension) => file.endsWith(extension)) && !/\.d\.[cm]?ts$/.test(file)
}

function firstOf(bare: string, has: HasModule): string | undefined {
  for (const extension of EXTENSIONS) if (has(bare + extension)) return bare + extension
  return undefined
}

/** Everything that was looked for and is not there, and what is there instead. */
function triedIn(folder: string, entries: readonly PackageEntry[]): string {
  const sources = isFile(join(folder, PAGE))
    ? `not in src, which ${PAGE} makes the browser's`
    : 'there and in src'
  const names = `${NAMES.join(', ')} with ${EXTENSIONS.join(', ')}, ${sources}`
  const named = entries.map(({ field, path }) => `${path} ("${field}" in package.json)`)
  const tried = [names, ...named].join('; ')
  const build = KNOWN_BUILDS.find((path) => isFile(join(folder, path)))
  return build === undefined ? tried : `${tried}. There is ${build}, which is served when it is named`
}
