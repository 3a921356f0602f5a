import { dlopen, type Pointer } from 'bun:ffi'

/** The few functions of the C library that this program calls itself. */
export interface CLibrary {
  /** signal(2): a native handler, which runs even when the event loop stands still; null is the default action. */
  signal(signal: number, handler: Pointer | null): unknown
  /** write(2). */
  write(descriptor: number, bytes: Uint8Array, length: number): unknown
  /** sigprocmask(2). */
  sigprocmask(how: number, set: null, old: Uint32Array): number
  /** madvise(2): the address and the length in bytes. */
  madvise(address: number, length: number, advice: number): number
}

/** Loaded in one go, since each load costs the process a megabyte. Throws where the library has another name. */
export function loadCLibrary(): CLibrary {
  const name = process.platform === 'darwin' ? 'libSystem.B.dylib' : 'libc.so.6'
  return dlopen(name, {
    signal: { args: ['int', 'ptr'], returns: 'ptr' },
    write: { args: ['int', 'buffer', 'u64'], returns: 'i64' },
    sigprocmask: { args: ['int', 'ptr', 'buffer'], returns: 'int' },
    madvise: { args: ['u64', 'u64', 'int'], returns: 'int' },
  }).symbols
}
