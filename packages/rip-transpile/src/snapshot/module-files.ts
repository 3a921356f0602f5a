import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { JAVASCRIPT_LOADERS } from './javascript-module.ts'

/** Folders that hold no code of the application's own. */
const SKIPPED_FOLDERS = new Set(['node_modules', '.git'])

/** Endings of files that a compiler turns into JavaScript. */
export const COMPILED_EXTENSIONS: ReadonlySet<string> = new Set(['.rip', '.coffee', '.litcoffee', '.civet'])

/**
 * The modules below a folder, as sorted relative paths: regular files that can be imported, outside
 * `node_modules` and `.git` at any depth. Symbolic links are not followed.
 */
export function moduleFiles(root: string): readonly string[] {
  const found: string[] = []
  collect(root, root, found)
  return found.toSorted()
}

function collect(root: string, folder: string, found: string[]): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && !SKIPPED_FOLDERS.has(entry.name)) collect(root, path, found)
    if (entry.isFile() && isModule(entry.name)) found.push(relative(root, path))
  }
}

function isModule(name: string): boolean {
  const extension = name.slice(name.lastIndexOf('.'))
  return COMPILED_EXTENSIONS.has(extension) || extension in JAVASCRIPT_LOADERS
}
