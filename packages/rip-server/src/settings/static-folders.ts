import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { readStaticFolder, type StaticFolder, staticFolderText } from '@rip/worker/entry'
import { ServerError } from '../errors.ts'
import { Unacceptable } from './quantity.ts'

/** Folders as texts, separated by commas. @throws Unacceptable */
export function parseStatic(text: string): readonly string[] {
  return text.split(',').map((each) => {
    if (readStaticFolder(each.trim()) === undefined)
      throw new Unacceptable('a folder, or a path and a folder such as /assets=dist/assets')
    return each.trim()
  })
}

/** The same folders, as seen from one. */
export function locatedStatic(texts: readonly string[], from: string): readonly string[] {
  return staticFolders(texts).map((each) => staticFolderText({ ...each, folder: resolve(from, each.folder) }))
}

/** The folders that texts of the setting name. */
export function staticFolders(texts: readonly string[]): readonly StaticFolder[] {
  return texts.flatMap((text) => readStaticFolder(text) ?? [])
}

/** @throws ServerError `CONFIG_INVALID` for a folder that is not there */
export function proveStatic(texts: readonly string[]): void {
  const missing = staticFolders(texts).filter(
    ({ folder }) => statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true,
  )
  if (missing.length === 0) return
  throw new ServerError('CONFIG_INVALID', {
    problems: missing.map(({ folder }) => `static: there is no folder ${folder}`),
  })
}
