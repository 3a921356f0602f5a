import type { Failure } from './failure.ts'

/** What a system call says when the machine has run out of something, or has something in the way of it. */
const SYSTEM_ERRORS =
  /\b(?:ENOSPC|EDQUOT|EROFS|EIO|EMFILE|ENFILE|ENOMEM|EAGAIN|EACCES|EPERM|EADDRINUSE|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|SPAWN_FAILED)\b/
/** What the runtime says when it gets no memory. */
const OUT_OF_MEMORY = /\b(?:out of memory|cannot allocate memory|bad_alloc)\b/i

/**
 * Whether something outside the content may be to blame: disk, memory, descriptors, permissions or a service that it
 * needs. The same content may serve once that is mended, so it is tried again; a mistake here costs one more attempt.
 */
export function isOutsideFault({ message, failure, stderr = '' }: Failure): boolean {
  // The worker could not listen, or could not reach us.
  if (failure?.kind === 'socket') return true
  return [message, stderr].some((text) => SYSTEM_ERRORS.test(text) || OUT_OF_MEMORY.test(text))
}
