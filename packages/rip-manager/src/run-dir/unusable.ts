import { ManagerError } from '../contract/errors.ts'

/** What the system says (ENOSPC, EACCES, EROFS), with the run directory it is about. */
export function asUnusable(path: string, error: unknown): ManagerError {
  if (error instanceof ManagerError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new ManagerError('RUN_DIR_UNUSABLE', { path, reason }, { cause: error })
}
