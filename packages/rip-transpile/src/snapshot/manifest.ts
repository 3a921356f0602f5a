import type { DataLoader } from '../graph/data-loaders.ts'
import { readText } from './read-text.ts'

/** Raised when a field changes its meaning. */
export const MANIFEST_VERSION = 1

/** One module of the application as it was when the snapshot was taken. */
export interface SnapshotFile {
  /** SHA-256 of the source; it is kept as `files/<hash>`. */
  readonly hash: string
  /** Name below `files/` of the JavaScript it was compiled to, for languages that need compiling. */
  readonly code?: string
  /** How it is read, if it is data. */
  readonly loader?: DataLoader
  /** Absolute paths of the modules it imports, by specifier, where the specifier does not say as much. */
  readonly imports?: Readonly<Record<string, string>>
}

/** Content of `manifest.json` in the folder of a snapshot. */
export interface SnapshotManifest {
  readonly version: typeof MANIFEST_VERSION
  /** Real path of the application's folder. */
  readonly root: string
  /** The path the folder was named by, which may lead through symbolic links that point elsewhere by now. */
  readonly namedRoot: string
  readonly generation?: string
  /** By path relative to the root. */
  readonly files: Readonly<Record<string, SnapshotFile>>
  /** Modules that are elsewhere, by absolute path. */
  readonly outside?: Readonly<Record<string, SnapshotFile>>
  /** Folder of the set of files in `node_modules`, which several snapshots may share; see `graph/package-set.ts`. */
  readonly packages?: string
}

export function contentPath(snapshot: string, name: string): string {
  return `${snapshot}/files/${name}`
}

export function manifestPath(snapshot: string): string {
  return `${snapshot}/manifest.json`
}

/** @throws {Error} When the folder holds no snapshot this version can read. */
export function readManifest(snapshot: string): SnapshotManifest {
  const manifest = JSON.parse(readText(manifestPath(snapshot))) as { version: number }
  if (manifest.version === MANIFEST_VERSION) return manifest as SnapshotManifest
  throw new Error(
    `the snapshot in ${snapshot} has version ${manifest.version}, this program reads version ${MANIFEST_VERSION}; build it again`,
  )
}
