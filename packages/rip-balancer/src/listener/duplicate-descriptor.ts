import { cLibrary } from '../transport/c-library.ts'

/** fcntl(2): the lowest free descriptor from its argument on, closed on exec. */
const F_DUPFD_CLOEXEC = 1030
const FIRST_FREE = 3

/**
 * A second descriptor of the same socket: a listener that has it goes on accepting from the same queue when the first is
 * closed. `undefined` where the C library cannot be called.
 */
export function duplicateDescriptor(fd: number): number | undefined {
  const library = cLibrary({ fcntl: { args: ['i32', 'i32', 'i32'], returns: 'i32' } })
  const copy = library?.fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE) ?? -1
  return copy < 0 ? undefined : copy
}
