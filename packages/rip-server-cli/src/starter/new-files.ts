import { lstatSync, mkdirSync, rmdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CliError } from '../errors.ts'
import type { NewFile } from './starter-files.ts'

/** What stands in the way of these files: they themselves, or files in the place of their folders. */
export function inTheWay(folder: string, files: readonly NewFile[]): readonly string[] {
  return [...new Set(files.flatMap(({ path }) => obstacle(folder, path) ?? []))]
}

function obstacle(folder: string, path: string): string | undefined {
  const parent = dirname(path)
  const above = parent === '.' ? undefined : obstacle(folder, parent)
  if (above !== undefined && !isFolder(join(folder, above))) return above
  return exists(join(folder, path)) ? path : undefined
}

/** Also a link to nothing. */
const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/**
 * Writes all of these files or, if one cannot be written, none. No file is overwritten, not even one that another
 * program writes at the same time.
 *
 * @throws CliError `FILE_NOT_MADE`
 */
export function writeNewFiles(folder: string, files: readonly NewFile[]): void {
  const undo: (() => void)[] = []
  try {
    for (const { path, text } of files) {
      const file = join(folder, path)
      makeFolder(dirname(file), undo)
      writeFile(file, text)
      undo.push(() => unlinkSync(file))
    }
  } catch (error) {
    for (const each of undo.reverse()) each()
    throw error
  }
}

function makeFolder(path: string, undo: (() => void)[]): void {
  if (isFolder(path)) return
  makeFolder(dirname(path), undo)
  writing(path, () => mkdirSync(path))
  undo.push(() => rmdirSync(path))
}

function writeFile(path: string, text: string): void {
  writing(path, () => writeFileSync(path, text, { flag: 'wx' }))
}

function writing(path: string, write: () => void): void {
  try {
    write()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CliError('FILE_NOT_MADE', { path, reason }, { cause: error })
  }
}
