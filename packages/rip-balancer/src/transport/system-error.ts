/** Whether an error is what the system says of a socket, such as `ECONNRESET`, and no mistake of ours. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && ('syscall' in error || 'errno' in error)
}
