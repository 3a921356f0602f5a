import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { packageFolder } from '../own-manifest.ts'
import { type OwnPackages, packageManifest } from './package-manifest.ts'
import type { Starter } from './starter.ts'

/** A file to be written. */
export interface NewFile {
  /** Relative to the folder of the application. */
  readonly path: string
  readonly text: string
}

/**
 * The files of a starter in this folder: those to read first, and then those for tools.
 *
 * @param bun how Bun is started
 */
export function starterFiles(
  folder: string,
  starter: Starter,
  own: OwnPackages,
  bun = 'bun',
): readonly NewFile[] {
  const { template, language } = starter
  const name = packageName(folder)
  const files = new Map<string, string>([['package.json', packageManifest(name, starter, own)]])
  // Each of these folders has files that are missing in those before it, or replaces some.
  const sources = ['common', ...(own === undefined ? ['unreleased'] : []), language, `${template}/both`]
  for (const source of [...sources, `${template}/${language}`])
    for (const { path, text } of filesIn(source, own !== undefined))
      files.set(path, filledIn(text, name, bun, starter))
  return [...files].map(([path, text]) => ({ path, text })).toSorted(inOrder)
}

/**
 * The configuration for an application that is there already.
 *
 * @param hasTypes whether the types of `rip-server` are among its packages
 */
export function configurationFiles(hasTypes: boolean): readonly NewFile[] {
  return filesIn('existing', hasTypes)
}

/** Hidden files come last. */
function inOrder({ path: a }: NewFile, { path: b }: NewFile): number {
  const isHidden = Number(a.startsWith('.')) - Number(b.startsWith('.'))
  return isHidden === 0 ? a.localeCompare(b, 'en') : isHidden
}

function filesIn(source: string, hasTypes: boolean): readonly NewFile[] {
  const folder = join(packageFolder('rip-server'), 'templates', source)
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .map((path) => ({
      path: writtenAs(path),
      text: textFor(readFileSync(join(folder, path), 'utf8'), hasTypes),
    }))
}

/** Without our types where an editor would not find them. */
function textFor(text: string, hasTypes: boolean): string {
  if (hasTypes) return text
  return text.replace(/^import type .* from 'rip-server'\n\n/, '').replace(' satisfies RipServerConfig', '')
}

/** Names begin with `_` in place of a dot, or end with one, because no `.gitignore` and no `bunfig.toml` is packed. */
function writtenAs(path: string): string {
  return path.replace(/(^|\/)_/g, '$1.').replace(/_$/, '')
}

function filledIn(text: string, name: string, bun: string, { language }: Starter): string {
  const values: Readonly<Record<string, string>> = {
    name,
    bun,
    app: `app.${language}`,
    test: `app.test.${language}`,
  }
  return text.replace(/\{\{(\w+)\}\}/g, (mark, key: string) => values[key] ?? mark)
}

/** The longest name that npm takes. */
const MAX_NAME_CHARS = 214

/** A name for `package.json` that npm and Docker take, as close to that of the folder as possible. */
export function packageName(folder: string): string {
  const name = basename(folder)
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{Mark}/gu, '')
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/[._-]{2,}/g, '-')
    .slice(0, MAX_NAME_CHARS)
    .replace(/^[._-]|[._-]$/g, '')
  return TAKEN.includes(name) ? `${name}-app` : name || 'app'
}

/** Names that npm refuses, or that an application which depends on the package of that name must not have. */
const TAKEN: readonly string[] = ['node_modules', 'favicon.ico', 'rip-server', 'hono', 'elysia']
