import { dlopen } from 'bun:ffi'

const signatures = {
  tcgetattr: { args: ['i32', 'buffer'], returns: 'i32' },
  tcsetattr: { args: ['i32', 'i32', 'buffer'], returns: 'i32' },
  tcgetpgrp: { args: ['i32'], returns: 'i32' },
  getpgrp: { args: [], returns: 'i32' },
} as const

/** Of `struct termios` (termios(3)): where the local modes and the special characters are, and what is changed of them. */
const LAYOUT =
  process.platform === 'darwin'
    ? { localModes: 24, canonical: 0x100, minimum: 48, time: 49 }
    : { localModes: 12, canonical: 0x2, minimum: 23, time: 22 }
const ECHO = 0x8
const TCSANOW = 0
/** Room for any `struct termios`; that of glibc has 60. */
const MODE_BYTES = 128

/** How a terminal treats what is typed, as tcgetattr(3) tells it. */
export type Mode = Uint8Array<ArrayBuffer>

/** The terminal that a descriptor leads to: who may read from it, and how it treats what is typed. */
export class TerminalMode {
  readonly #fd: number
  readonly #calls: Calls

  private constructor(fd: number, calls: Calls) {
    this.#fd = fd
    this.#calls = calls
  }

  /** `undefined` where the C library of the machine cannot be asked. */
  static open(fd: number): TerminalMode | undefined {
    const calls = openCalls()
    return calls === undefined ? undefined : new TerminalMode(fd, calls)
  }

  /** Whether this process is of the job that the shell has given the terminal to. Others must not read, or change modes. */
  get isOurs(): boolean {
    return this.#calls.tcgetpgrp(this.#fd) === this.#calls.getpgrp()
  }

  /** `undefined` when the terminal is gone. */
  get mode(): Mode | undefined {
    const mode = new Uint8Array(MODE_BYTES)
    return this.#calls.tcgetattr(this.#fd, mode) === 0 ? mode : undefined
  }

  /** Does nothing when the terminal is gone. Does not wait for output, which Ctrl-S may have stopped. */
  set mode(mode: Mode) {
    this.#calls.tcsetattr(this.#fd, TCSANOW, mode)
  }
}

/**
 * The same mode, but each key arrives at once and is not shown. Ctrl-C, Ctrl-Z and Ctrl-\ still make signals, and output is as
 * before.
 */
export function keyMode(mode: Mode): Mode {
  const keys = mode.slice()
  const view = new DataView(keys.buffer)
  const local = view.getUint32(LAYOUT.localModes, true)
  view.setUint32(LAYOUT.localModes, local & ~(LAYOUT.canonical | ECHO), true)
  view.setUint8(LAYOUT.minimum, 1)
  view.setUint8(LAYOUT.time, 0)
  return keys
}

type Calls = ReturnType<typeof dlopen<typeof signatures>>['symbols']

function openCalls(): Calls | undefined {
  const names =
    process.platform === 'darwin'
      ? ['libSystem.B.dylib']
      : ['libc.so.6', `libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`]
  for (const name of names) {
    try {
      return dlopen(name, signatures).symbols
    } catch {
      // Another C library, or a build of the runtime without bun:ffi.
    }
  }
  return undefined
}
