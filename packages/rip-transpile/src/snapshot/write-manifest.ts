import { renameSync, writeFileSync } from 'node:fs'
import { manifestPath, type SnapshotManifest } from './manifest.ts'

/** Writes the manifest last and in one step, because the snapshot exists from then on. */
export function writeManifest(snapshot: string, manifest: SnapshotManifest): void {
  const path = manifestPath(snapshot)
  const temporary = `${path}.${process.pid}.tmp`
  writeFileSync(temporary, JSON.stringify(manifest))
  renameSync(temporary, path)
}
