import { describe, expect, test } from 'bun:test'
import { statSync } from 'node:fs'
import { adoptListenSocket, openListenSocket } from '../../src/socket/listen-socket.ts'
import { openLibc } from '../../src/system/libc.ts'
import { borrowListenSocket, lendListenSockets } from '../../src/meeting/shared-listen-socket.ts'
import { temporaryFolder } from '../real.ts'

const anyPort = { host: '127.0.0.1', port: 0 }

async function answerFrom(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text()
}

describe('a listening socket that is lent', () => {
  test('goes on accepting in other processes when its first owner has closed it', async () => {
    await using folder = await temporaryFolder()
    const path = folder.at('s.sock')
    const socket = await openListenSocket(anyPort)
    if (socket === undefined || !('port' in socket.address)) throw new Error('no socket')
    using _lender = lendListenSockets(path, [{ asked: anyPort, fd: socket.fd }])
    await using borrowed = await borrowListenSocket(path, anyPort)
    expect(borrowed?.address).toEqual(socket.address)
    await socket.close()
    // The connection waits in the queue of the socket.
    const answer = answerFrom(socket.address.port)
    using server = new DisposableStack()
    const listener = Bun.listen({
      fd: openLibc()!.duplicate(borrowed!.fd),
      socket: {
        data: (client: Bun.Socket) =>
          void client.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nyes'.slice(0, -1)),
      },
    } as never) as Bun.SocketListener
    server.defer(() => listener.stop(true))
    expect(await answer).toBe('ye')
  })

  test('is lent only to processes that ask for its address', async () => {
    await using folder = await temporaryFolder()
    const path = folder.at('s.sock')
    await using socket = await openListenSocket(anyPort)
    using _lender = lendListenSockets(path, [{ asked: anyPort, fd: socket!.fd }])
    expect(await borrowListenSocket(path, { host: '127.0.0.1', port: 1 })).toBeUndefined()
  })

  test('is for its owner only', async () => {
    await using folder = await temporaryFolder()
    await using socket = await openListenSocket(anyPort)
    using _lender = lendListenSockets(folder.at('s.sock'), [{ asked: anyPort, fd: socket!.fd }])
    expect(statSync(folder.at('s.sock')).mode & 0o777).toBe(0o600)
  })

  test('cannot be borrowed from a process that has gone', async () => {
    await using folder = await temporaryFolder()
    expect(await borrowListenSocket(folder.at('gone.sock'), anyPort)).toBeUndefined()
  })

  test('keeps its number where it is adopted', async () => {
    await using socket = await openListenSocket(anyPort)
    const copy = openLibc()!.duplicate(socket!.fd)
    await using adopted = adoptListenSocket(copy)
    expect([adopted?.fd, adopted?.address]).toEqual([copy, socket!.address])
  })
})
