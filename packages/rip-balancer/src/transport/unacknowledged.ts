import { dlopen } from 'bun:ffi'

/** `ioctl` request for the bytes in the send queue of a socket; see tcp(7). */
const SIOCOUTQ = 0x5411
const C_LIBRARIES = ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1']

const answer = new Int32Array(1)
let ask: ((fd: number) => number) | undefined

/**
 * Bytes the kernel holds for a peer that has not acknowledged them. A kernel takes megabytes for a peer that reads
 * nothing, so what it took does not say how fast somebody reads.
 *
 * @returns 0 where the system cannot be asked
 */
export function unacknowledgedBytes(fd: number): number {
  ask ??= open()
  return ask(fd)
}

function open(): (fd: number) => number {
  const libraries = process.platform === 'linux' ? C_LIBRARIES : []
  for (const library of libraries) {
    try {
      const { symbols } = dlopen(library, { ioctl: { args: ['i32', 'u64', 'buffer'], returns: 'i32' } })
      return (fd) => (symbols.ioctl(fd, SIOCOUTQ, answer) === 0 ? answer[0]! : 0)
    } catch {
      // Another C library, or a build of the runtime without bun:ffi.
    }
  }
  return () => 0
}
