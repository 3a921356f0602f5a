import { dlopen } from 'bun:ffi'

/** fcntl(2): the lowest free descriptor from its argument on, closed on exec. */
const F_DUPFD_CLOEXEC = 1030
const FIRST_FREE = 3
const MUSL_ARCH = process.arch === 'arm64' ? 'aarch64' : 'x86_64'

/**
 * A second descriptor of the same socket: whoever has it goes on accepting from the same queue when the first is
 * closed. `undefined` where the C library cannot be called.
 */
export function duplicateDescriptor(fd: number): number | undefined {
  if (process.platform !== 'linux') return undefined
  for (const name of ['libc.so.6', `libc.musl-${MUSL_ARCH}.so.1`]) {
    try {
      const { symbols } = dlopen(name, { fcntl: { args: ['i32', 'i32', 'i32'], returns: 'i32' } })
      const copy = symbols.fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE)
      return copy < 0 ? undefined : copy
    } catch {
      // Another C library, or a build of the runtime without bun:ffi.
    }
  }
  return undefined
}
