import type { Pointer } from 'bun:ffi'
import type { CLibrary } from './c-library.ts'

const PR_SET_DUMPABLE = 4
const PR_SET_NO_NEW_PRIVS = 38
/** The same numbers on every processor. */
const LANDLOCK_CREATE_RULESET = 444
const LANDLOCK_RESTRICT_SELF = 446

/**
 * Isolates this process from others of the same user, as far as Linux can: only root can read its memory, environment
 * and open files, or take its core; it gains no rights by starting a program; and from Linux 6.12 on, it and its
 * children cannot signal other processes. Each applies to this thread and those it starts. Does nothing elsewhere.
 */
export function keepApart(library: CLibrary): void {
  if (process.platform !== 'linux') return
  library.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
  library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
  const ruleset = library.syscall(LANDLOCK_CREATE_RULESET, signalsStayInside(), RULESET_BYTES, 0)
  // ENOSYS, EOPNOTSUPP or EINVAL: the kernel is older, or has no Landlock.
  if (ruleset < 0) return
  library.syscall(LANDLOCK_RESTRICT_SELF, Number(ruleset) as Pointer, 0, 0)
}

const RULESET_BYTES = 24
const LANDLOCK_SCOPE_SIGNAL = 2n

/** `struct landlock_ruleset_attr`: rights to files, rights to the network, scopes (landlock(7)). */
function signalsStayInside(): BigUint64Array {
  return new BigUint64Array([0n, 0n, LANDLOCK_SCOPE_SIGNAL])
}
