import { ManagerError } from '../contract/errors.ts'
import { messageOf } from '../contract/message-of.ts'

/** What the system says (ENOSPC, EACCES, EROFS), with the run directory it is about. */
export function asUnusable(path: string, error: unknown): ManagerError {
  if (error instanceof ManagerError) return error
  const reason = messageOf(error)
  return new ManagerError('RUN_DIR_UNUSABLE', { path, reason }, { cause: error })
}
