import { dlopen, type Library, ptr, read } from 'bun:ffi'
import { constants } from 'node:os'

/** Places in the one block of memory that {@link descriptorMessage} makes: `msghdr`, `iovec`, a byte, `cmsghdr`. */
const MESSAGE = { vector: 16, vectorCount: 24, control: 32, controlLength: 40, descriptor: 112 } as const
const VECTOR_AT = 64
const BYTE_AT = 80
const CONTROL_AT = 96
/** `CMSG_LEN` of one descriptor. */
const CONTROL_BYTES = 20
/** Of Linux. */
const SOL_SOCKET = 1
const SCM_RIGHTS = 1

/**
 * The few system calls the runtime has no name for: sockets that listen without accepting, file locks held
 * for life, datagrams on Unix sockets, waiting for inherited children, signals to one thread. Buffers are passed as arguments of
 * type `buffer`, never as addresses taken earlier: `ptr()` of a small typed array goes stale.
 */
const signatures = {
  socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  bind: { args: ['i32', 'buffer', 'u32'], returns: 'i32' },
  connect: { args: ['i32', 'buffer', 'u32'], returns: 'i32' },
  sendmsg: { args: ['i32', 'buffer', 'i32'], returns: 'i64' },
  recvmsg: { args: ['i32', 'buffer', 'i32'], returns: 'i64' },
  fcntl: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  listen: { args: ['i32', 'i32'], returns: 'i32' },
  setsockopt: {
    args: ['i32', 'i32', 'i32', 'buffer', 'u32'],
    returns: 'i32',
  },
  getsockopt: { args: ['i32', 'i32', 'i32', 'buffer', 'buffer'], returns: 'i32' },
  getsockname: { args: ['i32', 'buffer', 'buffer'], returns: 'i32' },
  sendto: {
    args: ['i32', 'buffer', 'u64', 'i32', 'buffer', 'u32'],
    returns: 'i64',
  },
  recv: { args: ['i32', 'buffer', 'u64', 'i32'], returns: 'i64' },
  poll: { args: ['buffer', 'u64', 'i32'], returns: 'i32' },
  close: { args: ['i32'], returns: 'i32' },
  flock: { args: ['i32', 'i32'], returns: 'i32' },
  waitpid: { args: ['i32', 'ptr', 'i32'], returns: 'i32' },
  syscall: { args: ['i64', 'i64', 'i64', 'i64'], returns: 'i64' },
  pthread_sigmask: { args: ['i32', 'buffer', 'ptr'], returns: 'i32' },
  clock_gettime: { args: ['i32', 'buffer'], returns: 'i32' },
} as const

const linuxErrno = { __errno_location: { args: [], returns: 'ptr' } } as const
const darwinErrno = { __error: { args: [], returns: 'ptr' } } as const

/** Number of tgkill(2), which no C library before glibc 2.30 has a name for. */
const TGKILL: number = process.arch === 'arm64' ? 131 : 234
const INT_BYTES = 4
/** `struct pollfd` of poll(2): the descriptor, what is asked, what is so. */
const POLL = { bytes: 8, events: 4, revents: 6, in: 1 } as const
const SIG_BLOCK = process.platform === 'darwin' ? 1 : 0
/** Of the largest `sigset_t`, glibc's. */
const SIGSET_BYTES = 128
const CLOCK_MONOTONIC = process.platform === 'darwin' ? 6 : 1
/** `SO_PEERCRED` of `SOL_SOCKET` (unix(7)); `LOCAL_PEERPID` of `SOL_LOCAL` on macOS. */
const PEER_PID = process.platform === 'darwin' ? { level: 0, option: 2 } : { level: 1, option: 17 }
/** `SO_ACCEPTCONN` of `SOL_SOCKET`. */
const ACCEPTS = process.platform === 'darwin' ? { level: 0xffff, option: 2 } : { level: 1, option: 30 }
/** fcntl(2): the lowest free descriptor from its argument on, closed on exec. */
const F_DUPFD_CLOEXEC = process.platform === 'darwin' ? 67 : 1030
const FIRST_FREE_FD = 3
/** recvmsg(2) on Linux. */
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
const MSG_CMSG_CLOEXEC = 0x4000_0000
/** Room for any `sockaddr`; the longest, `sockaddr_un`, has 110. */
const MAX_ADDRESS_BYTES = 128

/** System calls that throw a {@link SystemCallError} where C returns -1. */
export interface Libc {
  socket(family: number, type: number): number
  bind(fd: number, address: Uint8Array): void
  listen(fd: number, backlog: number): void
  setOption(fd: number, level: number, option: number, value: number): void
  /** Connects to the raw `sockaddr`. */
  connect(fd: number, address: Uint8Array): void
  /** A second descriptor of the same open file, closed on exec. */
  duplicate(fd: number): number
  /** Sends one byte and a descriptor over a Unix socket. Linux only. */
  sendDescriptor(fd: number, descriptor: number): void
  /** The descriptor that came with the next byte, closed on exec; `undefined` when none came with it. Linux only. */
  receiveDescriptor(fd: number): number | undefined
  /** The process at the other end of a connected Unix socket; `undefined` when the system does not tell. */
  peerPid(fd: number): number | undefined
  /** The user that process acted as when it connected or listened; `undefined` when the system does not tell. */
  peerUid(fd: number): number | undefined
  /** Whether it is a socket that accepts connections. */
  isListening(fd: number): boolean
  /** The address a socket is bound to, as the raw `sockaddr`. */
  socketName(fd: number): Uint8Array
  /** Sends one datagram to the raw `sockaddr`. */
  sendTo(fd: number, message: Uint8Array, flags: number, address: Uint8Array): void
  /** Number of bytes received. */
  receive(fd: number, into: Uint8Array, flags: number): number
  /** Whether there is something to be read, or to be accepted. */
  isReadable(fd: number): boolean
  close(fd: number): void
  flock(fd: number, operation: number): void
  /** Pid of the child that was waited for, 0 when it still runs. */
  waitpid(pid: number, options: number): number
  /** A signal to the main thread of a process, not to whichever takes it first. Linux only. */
  signalMainThread(pid: number, signal: number): void
  /** Signals the calling thread is not interrupted by any more; other threads take them. */
  blockInThread(signals: readonly number[]): void
  /** Microseconds of the system's monotonic clock, whose zero all processes share; that of the runtime starts with the process. */
  monotonicUs(): bigint
}

/** A failed system call, with the symbolic name of its errno, such as `EADDRINUSE`. */
export class SystemCallError extends Error {
  override readonly name = 'SystemCallError'
  readonly code: string

  constructor(call: string, errno: number) {
    const code = errnoName(errno)
    super(`${call}: ${code}`)
    this.code = code
  }
}

let opened: Libc | null | undefined

/** The C library of this machine, opened at first use; `undefined` where it cannot be opened. */
export function openLibc(): Libc | undefined {
  if (opened === undefined) opened = tryOpen()
  return opened ?? undefined
}

/** The same, where the calls are that only Linux has. */
export function linuxLibc(): Libc | undefined {
  return process.platform === 'linux' ? openLibc() : undefined
}

function tryOpen(): Libc | null {
  try {
    if (process.platform === 'darwin') {
      const { symbols } = dlopen('libSystem.B.dylib', { ...signatures, ...darwinErrno })
      return wrap(symbols, symbols.__error)
    }
    if (process.platform === 'linux') {
      const { symbols } = openFirst(['libc.so.6', `libc.musl-${muslArch()}.so.1`])
      return wrap(symbols, symbols.__errno_location)
    }
  } catch {
    // Another C library, or a build of the runtime without bun:ffi.
  }
  return null
}

function openFirst(names: readonly string[]): Library<typeof signatures & typeof linuxErrno> {
  const [name = '', ...others] = names
  try {
    return dlopen(name, { ...signatures, ...linuxErrno })
  } catch (error) {
    if (others.length === 0) throw error
    return openFirst(others)
  }
}

function muslArch(): string {
  return process.arch === 'arm64' ? 'aarch64' : 'x86_64'
}

type Symbols = Library<typeof signatures>['symbols']

function wrap(symbols: Symbols, errnoAddress: () => Parameters<typeof read.i32>[0] | null): Libc {
  const checked = (call: string, result: number | bigint): number => {
    if (result >= 0) return Number(result)
    const address = errnoAddress()
    throw new SystemCallError(call, address === null ? 0 : read.i32(address, 0))
  }
  return {
    socket: (family, type) => checked('socket', symbols.socket(family, type, 0)),
    bind: (fd, address) => void checked('bind', symbols.bind(fd, address, address.byteLength)),
    listen: (fd, backlog) => void checked('listen', symbols.listen(fd, backlog)),
    setOption(fd, level, option, value) {
      checked('setsockopt', symbols.setsockopt(fd, level, option, int32(value), INT_BYTES))
    },
    connect: (fd, address) => void checked('connect', symbols.connect(fd, address, address.byteLength)),
    duplicate: (fd) => checked('fcntl', symbols.fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD)),
    sendDescriptor(fd, descriptor) {
      const message = descriptorMessage(descriptor)
      checked('sendmsg', symbols.sendmsg(fd, new DataView(message), MSG_NOSIGNAL))
    },
    receiveDescriptor(fd) {
      const message = descriptorMessage(0)
      const view = new DataView(message)
      checked('recvmsg', symbols.recvmsg(fd, view, MSG_DONTWAIT | MSG_CMSG_CLOEXEC))
      // Shorter than one header with one descriptor: it came without.
      if (view.getBigUint64(MESSAGE.controlLength, true) < CONTROL_BYTES) return undefined
      return view.getInt32(MESSAGE.descriptor, true)
    },
    peerPid: (fd) => peerCredentials(symbols, fd)?.getInt32(0, true) || undefined,
    peerUid(fd) {
      // macOS has the pid alone.
      if (process.platform === 'darwin') return undefined
      return peerCredentials(symbols, fd)?.getUint32(INT_BYTES, true)
    },
    isListening(fd) {
      const { level, option } = ACCEPTS
      const value = int32(0)
      const isSocket = symbols.getsockopt(fd, level, option, value, int32(INT_BYTES)) >= 0
      return isSocket && value.getInt32(0, true) !== 0
    },
    socketName(fd) {
      const address = new Uint8Array(MAX_ADDRESS_BYTES)
      const length = int32(address.byteLength)
      checked('getsockname', symbols.getsockname(fd, address, length))
      return address.subarray(0, length.getInt32(0, true))
    },
    sendTo(fd, message, flags, address) {
      checked('sendto', symbols.sendto(fd, message, message.byteLength, flags, address, address.byteLength))
    },
    receive: (fd, into, flags) => checked('recv', symbols.recv(fd, into, into.byteLength, flags)),
    isReadable(fd) {
      const question = new DataView(new ArrayBuffer(POLL.bytes))
      question.setInt32(0, fd, true)
      question.setInt16(POLL.events, POLL.in, true)
      checked('poll', symbols.poll(question, 1, 0))
      return (question.getInt16(POLL.revents, true) & POLL.in) !== 0
    },
    close: (fd) => void checked('close', symbols.close(fd)),
    flock: (fd, operation) => void checked('flock', symbols.flock(fd, operation)),
    waitpid: (pid, options) => checked('waitpid', symbols.waitpid(pid, null, options)),
    signalMainThread: (pid, signal) => void checked('tgkill', symbols.syscall(TGKILL, pid, pid, signal)),
    blockInThread(signals) {
      const set = new Uint8Array(SIGSET_BYTES)
      for (const signal of signals) set[(signal - 1) >> 3]! |= 1 << ((signal - 1) & 7)
      symbols.pthread_sigmask(SIG_BLOCK, set, null)
    },
    monotonicUs() {
      const time = new BigInt64Array(new ArrayBuffer(16))
      checked('clock_gettime', symbols.clock_gettime(CLOCK_MONOTONIC, time))
      const [seconds = 0n, nanoseconds = 0n] = time
      return seconds * 1_000_000n + nanoseconds / 1_000n
    },
  }
}

/** Linux answers with a `struct ucred`: pid, user and group; macOS with the pid alone. */
function peerCredentials(symbols: Symbols, fd: number): DataView | undefined {
  const { level, option } = PEER_PID
  const credentials = new DataView(new ArrayBuffer(3 * INT_BYTES))
  const length = int32(credentials.byteLength)
  return symbols.getsockopt(fd, level, option, credentials, length) < 0 ? undefined : credentials
}

/** A message of one byte with a descriptor, as Linux lays it out on machines of 64 bits: sendmsg(2), cmsg(3). */
function descriptorMessage(descriptor: number): ArrayBuffer {
  const memory = new ArrayBuffer(128)
  const view = new DataView(memory)
  // An ArrayBuffer of its own stays where it is.
  const address = BigInt(ptr(memory))
  const word = (at: number, value: bigint): void => view.setBigUint64(at, value, true)
  word(MESSAGE.vector, address + BigInt(VECTOR_AT))
  word(MESSAGE.vectorCount, 1n)
  word(MESSAGE.control, address + BigInt(CONTROL_AT))
  word(MESSAGE.controlLength, BigInt(CONTROL_BYTES))
  word(VECTOR_AT, address + BigInt(BYTE_AT))
  word(VECTOR_AT + 8, 1n)
  word(CONTROL_AT, BigInt(CONTROL_BYTES))
  view.setInt32(CONTROL_AT + 8, SOL_SOCKET, true)
  view.setInt32(CONTROL_AT + 12, SCM_RIGHTS, true)
  view.setInt32(MESSAGE.descriptor, descriptor, true)
  return memory
}

function int32(value: number): DataView {
  const view = new DataView(new ArrayBuffer(INT_BYTES))
  view.setInt32(0, value, true)
  return view
}

function errnoName(errno: number): string {
  const entry = Object.entries(constants.errno).find(([, value]) => value === errno)
  return entry?.[0] ?? `errno ${errno}`
}
