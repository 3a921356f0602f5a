/** Finds, and reads, files of an application as a worker does, without loading what serves it. */
export { findEntry } from './application/find-entry.ts'
export type { Entry, FindEntryOptions } from './application/find-entry.ts'
export { readManifest } from './application/read-manifest.ts'
export type { PackageManifest, ReadManifestOptions } from './application/read-manifest.ts'
export { FileRefused, readRegularFile } from './application/read-regular-file.ts'
export type { ReadRegularFileOptions } from './application/read-regular-file.ts'
export { WorkerError } from './errors.ts'
