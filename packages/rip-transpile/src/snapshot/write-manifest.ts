import { renameSync, writeFileSync } from 'node:fs'
import { manifestPath, type SnapshotManifest } from './manifest.ts'

/** A snapshot exists from the moment its manifest does, so this comes last and in one step. */
export function writeManifest(snapshot: string, manifest: SnapshotManifest): void {
  const path = manifestPath(snapshot)
  const temporary = `${path}.${process.pid}.tmp`
  writeFileSync(temporary, JSON.stringify(manifest))
  renameSync(temporary, path)
}
