import { dlopen } from 'bun:ffi'

const SOL_SOCKET = 1
const SO_SNDBUF = 7
const INT_BYTES = 4
const C_LIBRARIES = ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1']

type SetOption = (fd: number, bytes: Int32Array) => void

let set: SetOption | undefined

/**
 * Asks for a send buffer of that size; the kernel doubles it and bounds it by `net.core.wmem_max`, see socket(7). Not
 * for TCP, where the kernel finds a size by itself if nobody names one. Does nothing where the system cannot be asked.
 */
export function enlargeSendBuffer(fd: number, bytes: number): void {
  set ??= open()
  set(fd, Int32Array.of(bytes))
}

function open(): SetOption {
  const libraries = process.platform === 'linux' ? C_LIBRARIES : []
  for (const library of libraries) {
    try {
      const { symbols } = dlopen(library, {
        setsockopt: { args: ['i32', 'i32', 'i32', 'buffer', 'i32'], returns: 'i32' },
      })
      return (fd, bytes) => void symbols.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, bytes, INT_BYTES)
    } catch {
      // Another C library, or a build of the runtime without bun:ffi.
    }
  }
  return () => undefined
}
