import type { StaticFolder } from '../static/static-folder.ts'
import { startScript } from './frameworks.ts'
import type { Project } from './project.ts'

/** How the build of a framework is served: a worker loads `entry`, or `command` runs it, or it is files alone. */
export interface FrameworkBuild {
  /** As it is announced: `Next.js standalone build in .next/standalone`. */
  readonly name: string
  /** The file that shows that it is there. */
  readonly marker: string
  /** The module that a worker loads. @default the marker */
  readonly entry?: string
  /** What runs it where no worker can. */
  readonly command?: readonly string[]
  /** What changes with each build, where the server itself writes into its folder. @default the folder of the entry */
  readonly content?: readonly string[]
  /** Files that the entry does not answer itself. @default none */
  readonly files?: readonly StaticFolder[]
}

type Finder = (project: Project) => readonly FrameworkBuild[]

/** Builds of servers, by framework. To teach another one, add a finder, a fixture, and a line in docs/applications.md. */
const SERVERS: readonly Finder[] = [next, nitro, svelteKit, astro, reactRouter, tanStackStart, qwik]

/** The builds of servers in a project; with more than one, the operator has to name one. */
export function serverBuilds(project: Project): readonly FrameworkBuild[] {
  return SERVERS.flatMap((find) => find(project))
}

/** Builds of what is served from its sources as well, if those are there. */
export function sourceBuilds(project: Project): readonly FrameworkBuild[] {
  if (!project.has('dist/main.js') || !project.depends('@nestjs/core')) return []
  return [{ name: 'NestJS build in dist', marker: 'dist/main.js' }]
}

/** Folders of pages, where the project has nothing else to serve. */
export function pageBuilds(project: Project): readonly FrameworkBuild[] {
  const folders = ['dist', 'build', 'out', '_site', '.output/public', ...angularFolders(project)]
  return folders
    .filter((folder) => project.has(`${folder}/index.html`))
    .map((folder) => pages(`${pageMaker(project)} in ${folder}`, folder))
}

/** A folder that is a build itself, as `rip-server dist` or `rip-server .output` names it. */
export function bareBuilds(project: Project): readonly FrameworkBuild[] {
  if (project.has('package.json')) return []
  if (project.has('nitro.json') && project.has('server/index.mjs')) return [nitroBuild(project, '')]
  // Beside sources, the page is one of them.
  return project.has('index.html') && !project.hasFolder('src') ? [pages('folder of pages', '')] : []
}

function next(project: Project): readonly FrameworkBuild[] {
  const folder = join('.next/standalone', appFolder(project))
  if (project.has(`${folder}/server.js`)) {
    const files = [
      { at: '/_next/static', folder: '.next/static', immutable: ['/_next/static/'], pages: false },
      { at: '/', folder: 'public', pages: false },
    ]
    const marker = `${folder}/server.js`
    const content = ['.next/BUILD_ID', marker]
    return [{ name: `Next.js standalone build in ${folder}`, marker, files, content }]
  }
  if (!project.has('.next/BUILD_ID')) return []
  const command = startScript(project) ?? ['node_modules/.bin/next', 'start']
  return [{ name: 'Next.js build in .next', marker: '.next/BUILD_ID', command }]
}

/** In a workspace, the application is as deep in the standalone build as it is in the workspace. */
function appFolder(project: Project): string {
  const [, folder = ''] =
    /"relativeAppDir":\s*"([^"]*)"/.exec(project.text('.next/required-server-files.json')) ?? []
  return project.has(`.next/standalone/${folder}/server.js`) ? folder : ''
}

function nitro(project: Project): readonly FrameworkBuild[] {
  return ['.output', 'dist/analog']
    .filter((folder) => project.has(`${folder}/server/index.mjs`))
    .map((folder) => nitroBuild(project, folder))
}

/** Presets for another server leave the files to it. */
const NITRO_WITHOUT_FILES = /"preset":\s*"(?:node[-_](?:listener|middleware)|node)"/

function nitroBuild(project: Project, folder: string): FrameworkBuild {
  const description = project.text(join(folder, 'nitro.json'))
  const framework = /"framework":\s*\{\s*"name":\s*"(\w+)"/.exec(description)?.[1]
  const name = `${framework === 'nuxt' ? 'Nuxt' : 'Nitro'} build${folder && ` in ${folder}`}`
  const marker = join(folder, 'server/index.mjs')
  if (lacksFilesForBun(project, join(folder, 'server/node_modules')) && Bun.which('node') !== null)
    return { name, marker, command: ['node', marker] }
  if (!NITRO_WITHOUT_FILES.test(description)) return { name, marker }
  return { name, marker, files: [{ at: '/', folder: join(folder, 'public'), immutable: ['/_nuxt/'] }] }
}

/**
 * A build for Node.js has of each package the files that Node.js loads. Bun would load another file of those that have one
 * for it.
 */
function lacksFilesForBun(project: Project, folder: string): boolean {
  return packagesIn(project, folder).some((name) => {
    const files = filesForBun(project.text(`${folder}/${name}/package.json`))
    return files.some((path) => !project.has(`${folder}/${name}/${path}`))
  })
}

/** What stands in `exports` below the condition `bun`, without types and patterns. */
function filesForBun(manifest: string): readonly string[] {
  try {
    const { exports } = JSON.parse(manifest) as { readonly exports?: unknown }
    return pathsBelow(exports, false).filter((path) => /\.[cm]?js$/.test(path) && !path.includes('*'))
  } catch {
    return []
  }
}

function pathsBelow(value: unknown, isForBun: boolean): readonly string[] {
  if (typeof value === 'string') return isForBun ? [value] : []
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]) => pathsBelow(each, isForBun || key === 'bun'))
}

function packagesIn(project: Project, folder: string): readonly string[] {
  return project
    .names(folder)
    .flatMap((name) =>
      name.startsWith('@') ? project.names(`${folder}/${name}`).map((each) => `${name}/${each}`) : [name],
    )
}

function svelteKit(project: Project): readonly FrameworkBuild[] {
  if (!project.has('build/handler.js')) return []
  const entry = project.has('build/index.js') ? 'build/index.js' : 'build/handler.js'
  return [{ name: 'SvelteKit build in build', marker: 'build/handler.js', entry }]
}

function astro(project: Project): readonly FrameworkBuild[] {
  const marker = 'dist/server/entry.mjs'
  if (!project.has(marker)) return []
  const name = 'Astro build in dist'
  if (!isAstroMiddleware(project, marker)) return [{ name, marker }]
  return [{ name, marker, files: [{ at: '/', folder: 'dist/client', immutable: ['/_astro/'] }] }]
}

/** The entry, or a chunk that it imports, has the options of the adapter. */
function isAstroMiddleware(project: Project, entry: string): boolean {
  const text = project.text(entry)
  const chunks = [...text.matchAll(/["']\.\/(chunks\/[^"']+)["']/g)].map(
    ([, chunk]) => `dist/server/${chunk}`,
  )
  return [text, ...chunks.map(project.text)].some((each) =>
    /\bmode["']?\s*[:=]\s*["']middleware["']/.test(each),
  )
}

function reactRouter(project: Project): readonly FrameworkBuild[] {
  const marker = 'build/server/index.js'
  if (!project.has(marker) || project.has('build/handler.js') || !project.hasFolder('build/client')) return []
  if (project.depends('@remix-run/react')) {
    const command = startScript(project) ?? ['node_modules/.bin/remix-serve', marker]
    return [{ name: 'Remix build in build', marker, command }]
  }
  const files = [{ at: '/', folder: 'build/client', immutable: ['/assets/'] }]
  return [{ name: 'React Router build in build', marker, files }]
}

function tanStackStart(project: Project): readonly FrameworkBuild[] {
  const marker = 'dist/server/server.js'
  if (!project.has(marker) || !project.hasFolder('dist/client')) return []
  const files = [{ at: '/', folder: 'dist/client', immutable: ['/assets/'] }]
  return [{ name: 'TanStack Start build in dist', marker, files }]
}

function qwik(project: Project): readonly FrameworkBuild[] {
  return ['node-server', 'bun', 'express', 'fastify']
    .map((adapter) => `server/entry.${adapter}.js`)
    .filter((marker) => project.has(marker))
    .map((marker) => ({ name: `Qwik City build in ${marker}`, marker }))
}

function pages(name: string, folder: string): FrameworkBuild {
  return { name, marker: join(folder, 'index.html'), files: [{ at: '/', folder }] }
}

function pageMaker(project: Project): string {
  if (project.depends('next')) return 'static export of Next.js'
  if (project.depends('nuxt')) return 'static build of Nuxt'
  if (project.depends('astro')) return 'static build of Astro'
  return project.depends('vite') ? 'Vite build' : 'build of pages'
}

function angularFolders(project: Project): readonly string[] {
  const [, name] = /"projects":\s*\{\s*"([^"/]+)"/.exec(project.text('angular.json')) ?? []
  return name === undefined ? [] : [`dist/${name}/browser`]
}

function join(folder: string, path: string): string {
  return [folder, path].filter((each) => each !== '').join('/')
}
