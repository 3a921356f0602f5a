import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type PackageManifest, readManifest, WorkerError } from '@rip/worker/entry'
import { ServerError } from '../errors.ts'
import { locateApp } from './app-location.ts'

/** The `package.json` of an application. */
export interface AppPackage {
  /** Folder of the application, where paths in the file start from. */
  readonly folder: string
  /** Path of the file, which need not exist. */
  readonly path: string
  /** What it says, or why it cannot be read, which is a problem only where something in it is needed. */
  readonly content: PackageManifest | WorkerError
}

/** What it says about the application under `rip`, unchecked. */
export interface RipFields {
  readonly background?: unknown
  readonly command?: unknown
  readonly entry?: unknown
}

/**
 * Reads it; an application that is not there has none, which is reported where its files are looked for.
 *
 * @param app path of the application, a file or a folder
 * @param staysInFolder whether the file may not be a link that leads out of its folder
 */
export function readAppPackage(app: string, staysInFolder: boolean): AppPackage {
  const folder = existsSync(app) ? locateApp(app).root : app
  const path = join(folder, 'package.json')
  return { folder, path, content: contentOf(path, staysInFolder) }
}

/** None when `rip` is no object. @throws ServerError `CONFIG_INVALID` when the file cannot be read */
export function ripFields({ content }: AppPackage): RipFields {
  if (content instanceof WorkerError)
    throw new ServerError('CONFIG_INVALID', { problems: [content.message] }, { cause: content })
  const { rip } = content
  return typeof rip === 'object' && rip !== null ? rip : {}
}

/** Packages that the application needs to run, by their names; none of a file that cannot be read. */
export function packagesOf({ content }: AppPackage): object {
  if (content instanceof WorkerError) return {}
  const { dependencies } = content
  return typeof dependencies === 'object' && dependencies !== null ? dependencies : {}
}

function contentOf(path: string, staysInFolder: boolean): PackageManifest | WorkerError {
  if (!existsSync(path)) return {}
  try {
    return readManifest(path, { staysInFolder })
  } catch (error) {
    if (error instanceof WorkerError) return error
    throw error
  }
}
