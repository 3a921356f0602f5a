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
  /** getsockopt(2). */
  getsockopt(socket: number, level: number, option: number, value: DataView, length: DataView): number
  /** prctl(2); Linux only. */
  prctl(option: number, ...values: [number, number, number, number]): number
  /** syscall(2), of a system call that has no name in the library and takes three arguments. */
  syscall(call: number, first: BigUint64Array | Pointer, second: number, third: number): number | bigint
  /** fcntl(2), of what takes a number; Linux only. */
  fcntl(descriptor: number, command: number, value: number): number
  /** close(2). */
  close(descriptor: number): number
  /** getrlimit(2): the limit that holds, and the highest it may be set to. */
  getrlimit(resource: number, limits: BigUint64Array): number
}

/** Loaded in one go, since each load costs the process a megabyte. Throws where the library has another name. */
export function loadCLibrary(): CLibrary {
  if (process.platform === 'darwin') {
    const none = (): number => -1
    return { ...dlopen('libSystem.B.dylib', everywhere).symbols, prctl: none, syscall: none, fcntl: none }
  }
  return dlopen('libc.so.6', {
    ...everywhere,
    prctl: { args: ['int', 'u64', 'u64', 'u64', 'u64'], returns: 'int' },
    syscall: { args: ['i64', 'ptr', 'u64', 'u64'], returns: 'i64' },
    fcntl: { args: ['int', 'int', 'int'], returns: 'int' },
  }).symbols
}

const everywhere = {
  signal: { args: ['int', 'ptr'], returns: 'ptr' },
  write: { args: ['int', 'buffer', 'u64'], returns: 'i64' },
  sigprocmask: { args: ['int', 'ptr', 'buffer'], returns: 'int' },
  getsockopt: { args: ['int', 'int', 'int', 'buffer', 'buffer'], returns: 'int' },
  close: { args: ['int'], returns: 'int' },
  getrlimit: { args: ['int', 'buffer'], returns: 'int' },
  madvise: { args: ['u64', 'u64', 'int'], returns: 'int' },
} as const
