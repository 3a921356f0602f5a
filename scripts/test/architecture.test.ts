/** Whether what ARCHITECTURE.md points to is there. */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Glob } from 'bun'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PAGE = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8')

/** What stands between backticks, word by word: `Exchange.begin`, `pool/pool.ts`, `http1/`. */
const words = [...PAGE.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) =>
  code.split(/[ ,]+/).map((word) => word.replaceAll(/^[(.]+|[).]+$/g, '')),
)
/** All files that can be meant, each with a slash in front. */
const files = [...new Glob('{packages,apps,bench,docs,editors,scripts,testing}/**/*').scanSync(ROOT)]
  .filter((path) => !path.includes('node_modules/'))
  .map((path) => `/${path}`)
const sources = files
  .filter((path) => /^\/packages\/[^/]+\/src\/.*\.c?[jt]s$/.test(path))
  .map((path) => readFileSync(join(ROOT, path), 'utf8'))
const known = new Set(sources.flatMap((text) => text.match(/\w+/g) ?? []))

test('files that ARCHITECTURE.md names are there', () => {
  const named = words.filter((word) => /^[\w/.-]+\.(?:c?[jt]s|md)$/.test(word))
  const pages = new Set(['/README.md', '/ARCHITECTURE.md', '/CONTRIBUTING.md', '/SECURITY.md'])
  const isThere = (name: string): boolean =>
    pages.has(`/${name}`) || files.some((path) => path.endsWith(`/${name}`))
  expect(named.length).toBeGreaterThan(100)
  expect(named.filter((name) => !name.includes('*') && !isThere(name))).toEqual([])
})

test('classes, functions and members that ARCHITECTURE.md names are in the sources', () => {
  const names = words.filter((word) => /^[A-Za-z]+(?:\.[A-Za-z]+)?$/.test(word) && /[a-z][A-Z]|\./.test(word))
  const inSources = names.filter((name) => !/\.[cjmt]*s$|\.(?:json|md|config)$/.test(name))
  expect(inSources.length).toBeGreaterThan(50)
  expect(inSources.filter((name) => !name.split('.').every((part) => known.has(part)))).toEqual([])
})
