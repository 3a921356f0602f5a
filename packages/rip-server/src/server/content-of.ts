import { isAbsolute, join, relative } from 'node:path'
import { type ContentTree, createContentTree } from '@rip/manager'
import { filesOf } from '../application/background-location.ts'
import { BUILD_OUTPUTS } from '../application/build-outputs.ts'
import { envFileNames, otherEnvFileNames } from '../settings/env-files.ts'
import type { ServerPlan } from './server-plan.ts'

/** The content of an application on disk. @param ours folders of the server itself, which are none */
export function contentTreeOf(plan: ServerPlan, ours: readonly string[] = []): ContentTree {
  const { root, cwd, envFiles } = plan
  const ignore = [
    ...ours.flatMap((path) => inside(root, path)),
    ...otherEnvFileNames(envFiles).map((name) => `/${name}`),
  ]
  const besides = isBelow(root, cwd) ? [] : envFileNames(envFiles).map((name) => join(cwd, name))
  return createContentTree({ root, besides, ignore, include: ignoredContent(plan) })
}

function isBelow(root: string, path: string): boolean {
  return partsOf(root, path).length > 0
}

/** The modules that the application begins with. */
export function modulesOf({ entry, command, settings }: ServerPlan): readonly string[] {
  const isLoaded = entry !== undefined && command === undefined && !isPage(entry)
  return [...(isLoaded ? [entry] : []), ...filesOf(settings.background)]
}

/** There is nothing to compile where pages are all that is served. */
function isPage(entry: string): boolean {
  return entry.endsWith('.html')
}

/** The server's own folder is no content of the application, even below the application's folder. */
function inside(root: string, path: string): readonly string[] {
  const below = relative(root, path)
  return below.startsWith('..') || isAbsolute(below) ? [] : [`/${below}/`]
}

/** What is content although it is ignored: what is served is content, wherever it is. */
function ignoredContent(plan: ServerPlan): readonly string[] {
  const { root, command, content, static: folders } = plan
  if (command !== undefined) return BUILD_OUTPUTS
  const tree = createContentTree({ root })
  const served = folders.flatMap(({ folder }) => ignoredPart(partsOf(root, folder), tree, 'folder'))
  const loaded = content ?? modulesOf(plan).flatMap((file) => ignoredPart(partsOf(root, file), tree, 'file'))
  return [...loaded, ...served]
}

/** Names on the way from the root to a path; none of a path that is not below it. */
function partsOf(root: string, path: string): readonly string[] {
  const parts = relative(root, path).split('/')
  return parts[0] === '..' ? [] : parts
}

/** The ignored folder that the path is in, such as `dist`, or the path itself. */
function ignoredPart(
  parts: readonly string[],
  tree: ContentTree,
  kind: 'file' | 'folder',
): readonly string[] {
  const paths = parts.map((_, depth) => parts.slice(0, depth + 1).join('/'))
  const ignored = paths.find((path, depth) =>
    tree.isIgnored(path, kind === 'folder' || depth < parts.length - 1),
  )
  return ignored === undefined ? [] : [ignored]
}
