import { rmSync, writeSync } from 'node:fs'
import { type Libc, linuxLibc, openLibc, SystemCallError } from '../system/libc.ts'
import { AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM, unixAddress } from '../socket/socket-address.ts'
import { listenPrivately } from '../socket/listen-privately.ts'
import {
  adoptListenSocket,
  formatListenAddress,
  type ListenAddress,
  type ListenSocket,
} from '../socket/listen-socket.ts'
import { isOfOursOrRoot } from '../run-dir/owner.ts'

/** Room for any address as text. */
const MAX_QUESTION_BYTES = 512
/** A lender answers at once. */
const ANSWER_WITHIN_MS = 1_000
const POLL_MS = 2

/** A listening socket, and the address it was asked for, by which others ask for it. */
export interface LentSocket {
  readonly asked: ListenAddress
  readonly fd: number
}

/**
 * Lets other processes of this user listen with the same sockets until it is disposed of: connections wait in one queue that
 * all of them accept from, so that each of them may leave, and none is lost. `undefined` where descriptors cannot be sent
 * (anything but Linux).
 *
 * @param path of the Unix socket to lend them on; only its owner may connect
 */
export function lendListenSockets(path: string, sockets: readonly LentSocket[]): Disposable | undefined {
  const libc = linuxLibc()
  if (libc === undefined) return undefined
  const fds = new Map(sockets.map(({ asked, fd }) => [`${formatListenAddress(asked)}\n`, fd]))
  rmSync(path, { force: true })
  const listener = listenPrivately(() =>
    Bun.listen<{ question: string }>({
      unix: path,
      socket: {
        open(connection) {
          connection.data = { question: '' }
          const uid = libc.peerUid(fdOf(connection))
          if (uid !== undefined && !isOfOursOrRoot(uid)) connection.terminate()
        },
        data(connection, bytes) {
          const { data } = connection
          data.question += bytes.toString('latin1')
          const isWhole = data.question.endsWith('\n')
          if (!isWhole && data.question.length < MAX_QUESTION_BYTES) return
          const fd = fds.get(data.question)
          if (fd !== undefined) trySend(libc, fdOf(connection), fd)
          connection.end()
        },
        // The borrower has gone.
        error() {},
      },
    }),
  )
  return {
    [Symbol.dispose]() {
      listener.stop(true)
      rmSync(path, { force: true })
    },
  }
}

/** The listening socket for this address that is lent on a path; `undefined` when there is none. */
export async function borrowListenSocket(
  path: string,
  asked: ListenAddress,
): Promise<ListenSocket | undefined> {
  const libc = linuxLibc()
  if (libc === undefined) return undefined
  const connection = libc.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC)
  try {
    libc.connect(connection, unixAddress(path))
    writeSync(connection, `${formatListenAddress(asked)}\n`)
    const fd = await receive(libc, connection)
    return fd === undefined ? undefined : adoptListenSocket(fd, { withPath: true })
  } catch (error) {
    // ECONNREFUSED, ENOENT, EPIPE: the lender has gone.
    if (error instanceof SystemCallError || (error as NodeJS.ErrnoException).code === 'EPIPE')
      return undefined
    throw error
  } finally {
    libc.close(connection)
  }
}

/** A second descriptor of a listening socket, for a user who closes it when it stops; `undefined` without a C library. */
export function duplicateListenSocket({ fd }: Pick<ListenSocket, 'fd'>): number | undefined {
  return openLibc()?.duplicate(fd)
}

async function receive(libc: Libc, connection: number): Promise<number | undefined> {
  const deadlineMs = performance.now() + ANSWER_WITHIN_MS
  while (performance.now() < deadlineMs) {
    try {
      return libc.receiveDescriptor(connection)
    } catch (error) {
      if (!(error instanceof SystemCallError) || error.code !== 'EAGAIN') throw error
    }
    await Bun.sleep(POLL_MS)
  }
  return undefined
}

function trySend(libc: Libc, connection: number, descriptor: number): void {
  try {
    libc.sendDescriptor(connection, descriptor)
  } catch (error) {
    // EPIPE: the borrower has gone.
    if (!(error instanceof SystemCallError)) throw error
  }
}

function fdOf(connection: Bun.Socket<{ question: string }>): number {
  return (connection as Bun.Socket<{ question: string }> & { readonly fd?: number }).fd ?? -1
}
