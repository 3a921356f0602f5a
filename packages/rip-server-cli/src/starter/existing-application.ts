import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ServerError } from '@rip/server/settings'
import { foundByText, locateEntry } from '@rip/server/sources'
import { nearPath } from '@rip/server/text'
import { readManifest, WorkerError } from '@rip/worker/entry'

/** What a folder has already. */
export interface ExistingApplication {
  /** What `rip-server` would serve, in a few words. */
  readonly found: string
  /** What is missing before it could be served; absent if nothing is. */
  readonly problem?: string
}

/** Packages of web servers: who depends on one of them has an application, wherever its first file is. */
const WEB_PACKAGES = [
  'hono',
  'elysia',
  'express',
  'fastify',
  'koa',
  'h3',
  '@nestjs/core',
  '@hapi/hapi',
  'restify',
  'polka',
  'next',
  'nuxt',
] as const

/** The application in a folder, found as `start` finds it; `undefined` where there is none. */
export function existingApplication(folder: string): ExistingApplication | undefined {
  if (!existsSync(folder)) return undefined
  try {
    const entry = locateEntry(folder, { isDevelopment: true })
    const because = foundByText(entry)
    const found = entry.command === undefined ? nearPath(entry.file, folder) : entry.command.join(' ')
    return { found: because === undefined ? found : `${found}, ${because}` }
  } catch (error) {
    if (!(error instanceof ServerError)) throw error
    if (!isNotFound(error)) return { found: 'an application', problem: error.message }
    return withoutEntry(folder, error.message)
  }
}

/** Whether there is no application, as opposed to one that cannot be served. */
export function isNotFound(error: unknown): error is ServerError {
  if (!(error instanceof ServerError)) return false
  return error.cause instanceof WorkerError && error.cause.code === 'RIP_APP_NOT_FOUND'
}

/** Whether a project names this package among those that it needs. */
export function dependsOn(folder: string, name: string): boolean {
  const file = join(folder, 'package.json')
  if (!existsSync(file)) return false
  const { dependencies, devDependencies } = readManifest(file)
  return [dependencies, devDependencies].some((all) => Object.hasOwn(Object(all) as object, name))
}

function withoutEntry(folder: string, problem: string): ExistingApplication | undefined {
  const used = WEB_PACKAGES.find((name) => dependsOn(folder, name))
  return used === undefined ? undefined : { found: `${used} in package.json`, problem }
}

/** Files that a folder may have before there is an application in it; a starter leaves those it would write as they are. */
export function isCompanion(path: string): boolean {
  return COMPANIONS.test(path)
}

const COMPANIONS =
  /^(?:README\.md|Dockerfile|tsconfig\.json|\.(?:gitignore|dockerignore|editorconfig)|\.vscode(?:\/.*)?|licen[cs]e(?:\.\w+)?)$/i

/** Whether nothing in a folder says what it is for: an empty one, and a fresh clone. */
export function isBare(folder: string): boolean {
  return readdirSync(folder).every((name) => name.startsWith('.') || isCompanion(name))
}
