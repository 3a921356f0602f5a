import { type Dirent, readdirSync } from 'node:fs'
import { extname, join, relative } from 'node:path'
import { COMPILED_EXTENSIONS } from './compiled-extensions.ts'
import { JAVASCRIPT_LOADERS } from './javascript-module.ts'

/**
 * The modules below a folder, as sorted relative paths: regular files that can be imported. Left out are
 * `node_modules` and names that begin with a dot, at any depth; symbolic links are not followed.
 */
export function moduleFiles(root: string): readonly string[] {
  const found: string[] = []
  collect(root, root, found)
  return found.toSorted()
}

/** Whether a file is one that Bun or a compiler understands as a module. */
export function isModule(path: string): boolean {
  const extension = extname(path)
  return COMPILED_EXTENSIONS.has(extension) || extension in JAVASCRIPT_LOADERS
}

function collect(root: string, folder: string, found: string[]): void {
  for (const entry of entriesOf(root, folder)) {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) collect(root, path, found)
    if (entry.isFile() && isModule(entry.name)) found.push(relative(root, path))
  }
}

/** A folder that may not be read, or is gone, counts as empty; the root itself has to exist. */
function entriesOf(root: string, folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (folder === root) throw error
    return []
  }
}
