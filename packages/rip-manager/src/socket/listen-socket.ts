import { chmodSync, chownSync, rmSync, statSync } from 'node:fs'
import { DEFAULT_BACKLOG } from '../contract/defaults.ts'
import { ManagerError } from '../contract/errors.ts'
import { type Libc, openLibc, SystemCallError } from '../system/libc.ts'
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  assertSocketPathFits,
  inetAddress,
  isIPv6,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  parseAddress,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  SOL_SOCKET,
  unixAddress,
} from './socket-address.ts'
import { portOwner } from './port-owner.ts'
import { removeStaleSocket } from './listening.ts'

/** First descriptor passed by socket activation, see sd_listen_fds(3). */
const FIRST_PASSED_FD = 3
/** The name of a socket that has none, as sd_listen_fds_with_names(3) has it. */
const UNNAMED = 'unknown'
/** Variables of socket activation; they are meant for us, not for our children. */
export const LISTEN_VARIABLES: readonly string[] = ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES']

/** Where to listen: a host and a port, 0 for any free one, or the path of a Unix socket. */
export type ListenAddress = InetAddress | UnixListenAddress

interface InetAddress {
  readonly host: string
  readonly port: number
}

/** All addresses of both families. */
const EVERYWHERE = '::'
const EVERYWHERE_IPV4 = '0.0.0.0'

/** The path of a Unix socket, and its permissions. */
export interface UnixListenAddress {
  readonly unix: string
  /** Permissions of the socket; connecting takes the right to write. @default 0o666 */
  readonly mode?: number
  /** Number of the group it belongs to. @default that of the process */
  readonly gid?: number
}

/** setsockopt(2) of Linux, and the number of no network device. */
const SO_BINDTOIFINDEX = 62
const NO_DEVICE = 0x7fff_ffff
const QUEUE_POLL_MS = 2
const MAX_QUEUE_MS = 1_000
/** How long a connection may take to be made that had begun when new ones were turned away. */
const HANDSHAKE_MS = 100

const DEFAULT_SOCKET_MODE = 0o666

/**
 * A socket that listens and is never accepted from by this process. It is closed on exec, so that only a
 * child it is handed to by number (`inheritFds`) has it. Connections that arrive before, between and after
 * such children wait in its queue.
 */
export interface ListenSocket extends AsyncDisposable {
  readonly fd: number
  /** The address it is bound to, with the real port. */
  readonly address: ListenAddress
  /** Other processes go on accepting from it: its path, if it has one, is theirs from now on and is not removed. */
  disown(): void
  /** No other process uses it any more: its path is ours. */
  own(): void
  /**
   * New connections are refused from now on, while those that wait can still be accepted: `close` would reset them.
   * Resolves when none waits any more, or after a second. It cannot be undone; it does nothing for a socket that other
   * processes use after this one, and where the system cannot do that (anything but Linux).
   */
  turnAway(): Promise<void>
  /** Idempotent. Connections that no process accepted are reset; the path of a Unix socket is removed if it is still ours. */
  close(): Promise<void>
}

export interface ListenSocketOptions {
  /** Connections that may wait to be accepted; the system may allow fewer (listen(2)). @default 4096 */
  readonly backlog?: number
  /** The C library. @default that of this process */
  readonly libc?: Libc | undefined
}

/**
 * Opens a listening socket through the C library, as the runtime has no call that listens without accepting. The host
 * `::` stands for all addresses; where there is no IPv6, for those of IPv4.
 *
 * Resolves with `undefined` where there is no `bun:ffi` (anything but Linux and macOS): there the balancer
 * binds the address itself, and connections are refused while a crashed balancer is replaced.
 *
 * @throws ManagerError `PORT_IN_USE`, `LISTEN_DENIED`, `SOCKET_PATH_TOO_LONG` or `LISTEN_FAILED`.
 */
export async function openListenSocket(
  address: ListenAddress,
  options: ListenSocketOptions = {},
): Promise<ListenSocket | undefined> {
  const libc = options.libc ?? openLibc()
  if (libc === undefined) return undefined
  if ('unix' in address) await clearPath(address.unix)
  const family = 'unix' in address ? AF_UNIX : undefined
  const target = 'unix' in address ? unixAddress(address.unix) : await resolveInet(address)
  try {
    const bound = (): void => void ('unix' in address && admitFirst(address))
    const backlog = options.backlog ?? DEFAULT_BACKLOG
    const fd = bindAndListen(libc, family ?? familyOf(target), target, backlog, bound)
    const name = parseAddress(libc.socketName(fd))
    return new OwnedSocket(libc, fd, name, true)
  } catch (error) {
    if (isEverywhere(address) && lacksIpv6(error))
      return await openListenSocket({ ...address, host: EVERYWHERE_IPV4 }, options)
    throw explain(error, address)
  }
}

function isEverywhere(address: ListenAddress): address is InetAddress {
  return 'host' in address && address.host === EVERYWHERE
}

/** As of a kernel that was started without IPv6. */
function lacksIpv6(error: unknown): boolean {
  return error instanceof SystemCallError && /^(?:EAFNOSUPPORT|EADDRNOTAVAIL)$/.test(error.code)
}

/**
 * Takes over a listening socket that was inherited. It belongs to the process that bound it, which goes on using it, and
 * so does its path, unless it was given away.
 */
export function adoptListenSocket(
  fd: number,
  { withPath = false }: { readonly withPath?: boolean } = {},
): ListenSocket | undefined {
  const libc = openLibc()
  if (libc === undefined) return undefined
  return new OwnedSocket(libc, fd, parseAddress(libc.socketName(fd)), withPath)
}

/** A listening socket that a service manager passes. */
export interface PassedSocket {
  /** That of `FileDescriptorName` (systemd.socket(5)), by default the name of the unit. */
  readonly name: string
  readonly socket: ListenSocket
}

/**
 * The listening sockets that systemd passes to an activated service, in the order of its units; none when it passes none
 * to this process, and where there is no C library.
 *
 * @throws ManagerError `LISTEN_FAILED` when one of them does not listen, as with `Accept=yes`
 */
export function activatedListenSockets(
  env: Readonly<Record<string, string | undefined>> = process.env,
): readonly PassedSocket[] {
  const libc = openLibc()
  if (libc === undefined || Number(env['LISTEN_PID']) !== process.pid) return []
  const count = Number(env['LISTEN_FDS'])
  if (!Number.isSafeInteger(count)) return []
  const names = env['LISTEN_FDNAMES']?.split(':') ?? []
  const passed: PassedSocket[] = []
  // One by one: the first that is wrong ends it, however many there are said to be.
  for (let at = 0; at < count; at++) {
    const [fd, name] = [FIRST_PASSED_FD + at, names[at] || UNNAMED]
    if (!libc.isListening(fd)) throw passedInVain(name, fd)
    passed.push({ name, socket: new OwnedSocket(libc, fd, parseAddress(libc.socketName(fd)), false) })
  }
  return passed
}

function passedInVain(name: string, fd: number): ManagerError {
  const reason = 'it is not listening for connections; the unit needs ListenStream=, and no Accept=yes'
  return new ManagerError('LISTEN_FAILED', { address: `descriptor ${fd} from systemd ("${name}")`, reason })
}

/** Sets the permissions of a bound socket. @throws ManagerError `LISTEN_FAILED`, as when we are not in the group. */
export function admit(address: UnixListenAddress): void {
  const { unix, mode = DEFAULT_SOCKET_MODE, gid } = address
  if (unix.startsWith('@')) return
  try {
    if (gid !== undefined) chownSync(unix, process.getuid?.() ?? -1, gid)
    chmodSync(unix, mode)
  } catch (error) {
    const reason = `who may connect to it cannot be set: ${(error as Error).message}`
    throw new ManagerError(
      'LISTEN_FAILED',
      { address: formatListenAddress(address), reason },
      { cause: error },
    )
  }
}

/** A socket that is not as it was asked for is none at all. */
function admitFirst(address: UnixListenAddress): void {
  try {
    admit(address)
  } catch (error) {
    rmSync(address.unix, { force: true })
    throw error
  }
}

/** @param bound called when the address is ours and no client can connect to it yet */
function bindAndListen(
  libc: Libc,
  family: number,
  target: Uint8Array,
  backlog: number,
  bound: () => void,
): number {
  const fd = libc.socket(family, SOCK_STREAM | SOCK_CLOEXEC)
  try {
    if (family !== AF_UNIX) libc.setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1)
    // `::` means every address of the machine, IPv4 included, whatever the system's default is.
    if (family === AF_INET6) libc.setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0)
    libc.bind(fd, target)
    bound()
    libc.listen(fd, backlog)
    return fd
  } catch (error) {
    libc.close(fd)
    throw error
  }
}

class OwnedSocket implements ListenSocket {
  readonly fd: number
  readonly address: ListenAddress
  readonly #libc: Libc
  /** Of its path, if it has one. */
  readonly #inode: number | undefined
  #isOurs: boolean
  #closing: Promise<void> | undefined

  constructor(libc: Libc, fd: number, address: ListenAddress, isOurs: boolean) {
    this.fd = fd
    this.address = address
    this.#libc = libc
    this.#isOurs = isOurs
    this.#inode = 'unix' in address ? inodeOf(address.unix) : undefined
  }

  disown(): void {
    this.#isOurs = false
  }

  own(): void {
    this.#isOurs = true
  }

  async turnAway(): Promise<void> {
    const { address } = this
    if (!this.#isOurs || this.#closing !== undefined || !this.#refuse()) return
    const nowMs = performance.now()
    const untilMs = nowMs + MAX_QUEUE_MS
    // One whose client had begun to connect may still come.
    const fromMs = 'unix' in address || isLoopback(address.host) ? nowMs : nowMs + HANDSHAKE_MS
    while (performance.now() < fromMs || (this.#hasWaiting() && performance.now() < untilMs))
      await Bun.sleep(QUEUE_POLL_MS)
  }

  /** A TCP socket that is bound to a device that is not there gets no more connections; what has come stays. */
  #refuse(): boolean {
    if ('unix' in this.address) return this.#removePath()
    if (process.platform !== 'linux') return false
    try {
      this.#libc.setOption(this.fd, SOL_SOCKET, SO_BINDTOIFINDEX, NO_DEVICE)
      return true
    } catch {
      // EPERM, ENOPROTOOPT: before Linux 5.7.
      return false
    }
  }

  #hasWaiting(): boolean {
    return this.#closing === undefined && this.#libc.isReadable(this.fd)
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#libc.close(this.fd)
    if (this.#isOurs) this.#removePath()
  }

  /** Returns whether it was there. Another process may have bound the same path since. */
  #removePath(): boolean {
    if (!('unix' in this.address) || this.#inode === undefined) return false
    if (inodeOf(this.address.unix) !== this.#inode) return false
    rmSync(this.address.unix, { force: true })
    return true
  }
}

function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.')
}

/** Removes the socket of a predecessor that is gone; a file that is no socket is left for `bind` to trip over. */
async function clearPath(path: string): Promise<void> {
  if (path.startsWith('@')) return
  assertSocketPathFits(path)
  if (statSync(path, { throwIfNoEntry: false })?.isSocket() === true) await removeStaleSocket(path)
}

async function resolveInet(address: { readonly host: string; readonly port: number }): Promise<Uint8Array> {
  try {
    return inetAddress(await numericHost(address.host), address.port)
  } catch (error) {
    throw new ManagerError(
      'LISTEN_FAILED',
      { address: formatListenAddress(address), reason: `the host ${address.host} has no address` },
      { cause: error },
    )
  }
}

/** The modules that look up names take a while to load, and most addresses are numeric. */
async function numericHost(host: string): Promise<string> {
  if (/^(?:(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])(?:\.(?!$)|$)){4}$/.test(host)) return host
  const { lookup } = await import('node:dns/promises')
  return (await lookup(host)).address
}

function familyOf(target: Uint8Array): number {
  const parsed = parseAddress(target)
  return 'host' in parsed && isIPv6(parsed.host) ? AF_INET6 : AF_INET
}

function explain(error: unknown, address: ListenAddress): unknown {
  if (!(error instanceof SystemCallError)) return error
  const text = formatListenAddress(address)
  if (error.code === 'EADDRINUSE') {
    const owner = 'port' in address ? portOwner(address.port) : undefined
    return new ManagerError('PORT_IN_USE', { address: text, owner }, { cause: error })
  }
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return new ManagerError('LISTEN_DENIED', { address: text }, { cause: error })
  }
  return new ManagerError('LISTEN_FAILED', { address: text, reason: error.message }, { cause: error })
}

/** As on the command line: `127.0.0.1:3000`, `[::1]:3000` or `unix:/run/app.sock`. */
export function formatListenAddress(address: ListenAddress): string {
  if ('unix' in address) return `unix:${address.unix}${accessText(address)}`
  return isIPv6(address.host) ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

/** The permissions as text; empty when none were given. */
function accessText({ mode, gid }: UnixListenAddress): string {
  const options = [
    ...(mode === undefined ? [] : [`mode=${mode.toString(8).padStart(4, '0')}`]),
    ...(gid === undefined ? [] : [`group=${gid}`]),
  ]
  return options.length === 0 ? '' : `?${options.join('&')}`
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino
}
