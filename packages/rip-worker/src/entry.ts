/** Finds the file of an application as a worker does, without loading what serves it. */
export { findEntry } from './application/find-entry.ts'
export type { Entry, FindEntryOptions } from './application/find-entry.ts'
export { WorkerError } from './errors.ts'
