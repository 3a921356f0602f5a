import { openLibc, SystemCallError, type Libc } from '../system/libc.ts'
import { AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, unixAddress } from '../socket/socket-address.ts'

const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000

/** Sends datagrams to the service manager. */
export interface NotifySocket {
  send(state: string): void
  close(): void
}

/**
 * Opens the socket named by `NOTIFY_SOCKET`: a path, or `@` and a name in the abstract namespace. The runtime
 * has no datagrams on Unix sockets; without the C library the program `systemd-notify` sends them.
 */
export function openNotifySocket(name: string, libc: Libc | null = openLibc() ?? null): NotifySocket {
  return libc === null ? notifyByProgram(name) : notifyByLibc(libc, name)
}

function notifyByLibc(libc: Libc, name: string): NotifySocket {
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC)
  const address = unixAddress(name)
  return {
    send(state) {
      try {
        libc.sendTo(fd, Buffer.from(state), MSG_DONTWAIT | MSG_NOSIGNAL, address)
      } catch (error) {
        // ECONNREFUSED, ENOENT, EAGAIN: a service manager that does not listen is no reason to stop serving.
        if (!(error instanceof SystemCallError)) throw error
      }
    },
    close: () => libc.close(fd),
  }
}

/** One program after the other, as the order of messages has a meaning. */
function notifyByProgram(name: string): NotifySocket {
  let sending: Promise<unknown> = Promise.resolve()
  const run = async (state: string): Promise<void> => {
    try {
      const env = { PATH: process.env['PATH'] ?? '', NOTIFY_SOCKET: name }
      const child = Bun.spawn(['systemd-notify', ...state.split('\n')], {
        env,
        stdio: ['ignore', 'ignore', 'ignore'],
      })
      await child.exited
    } catch {
      // ENOENT: not installed, hence nothing can be told.
    }
  }
  return {
    send: (state) => void (sending = sending.then(() => run(state))),
    close() {},
  }
}
