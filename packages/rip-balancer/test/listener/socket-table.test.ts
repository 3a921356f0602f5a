import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addressOfSocket } from '../../src/listener/socket-table.ts'

async function listening(options: net.ListenOptions): Promise<{ server: net.Server; fd: number }> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(options, resolve))
  // The handle is not typed; its descriptor is what a parent process passes on.
  return { server, fd: (server as unknown as { _handle: { fd: number } })._handle.fd }
}

describe.skipIf(process.platform !== 'linux')('address of a listening socket (read from procfs)', () => {
  for (const host of ['127.0.0.1', '0.0.0.0', '::1', '::'])
    test(host, async () => {
      const { server, fd } = await listening({ host, port: 0, ipv6Only: host === '::' })
      const { port } = server.address() as net.AddressInfo
      expect(addressOfSocket(fd)).toEqual({ kind: 'tcp', host, port })
      server.close()
    })

  test('a Unix socket, spaces in its path included', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rb-'))
    const path = join(folder, 'my app.sock')
    const { server, fd } = await listening({ path })
    expect(addressOfSocket(fd)).toEqual({ kind: 'unix', path })
    server.close()
    rmSync(folder, { recursive: true })
  })

  test('a descriptor that is no socket has no address', () => {
    expect(addressOfSocket(999)).toBeUndefined()
  })
})
