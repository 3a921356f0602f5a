import { dlopen, type FFIFunction, type Library } from 'bun:ffi'

const NAMES = ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1']

/**
 * Functions of the C library by name, for what the runtime does not offer. `undefined` where it cannot be called: on
 * other systems than Linux, and in a build of the runtime without bun:ffi.
 */
export function cLibrary<F extends Record<string, FFIFunction>>(
  functions: F,
): Library<F>['symbols'] | undefined {
  if (process.platform !== 'linux') return undefined
  for (const name of NAMES) {
    try {
      return dlopen(name, functions).symbols
    } catch {
      // Another C library, or none that can be called.
    }
  }
  return undefined
}
