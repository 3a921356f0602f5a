import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, writeFileSync } from 'node:fs'
import { AdminClient, balance } from '../src/index.ts'
import { removeStaleSocket } from '../src/stale-socket.ts'
import { TempFolder, named } from './servers.ts'

// Programs take long to start on a busy machine.
setDefaultTimeout(20_000)

/** A socket file as a killed process leaves it. */
async function abandonedSocket(path: string): Promise<void> {
  const listen = `Bun.listen({ unix: ${JSON.stringify(path)}, socket: { data() {} } }); process.kill(process.pid, 'SIGKILL')`
  await Bun.spawn(['bun', '-e', listen]).exited
  expect(existsSync(path)).toBe(true)
}

describe('a socket file', () => {
  test('without a listener is replaced, for clients and for the admin API', async () => {
    using folder = new TempFolder()
    const [front, socket] = [folder.file('front.sock'), folder.file('admin.sock')]
    await abandonedSocket(front)
    await abandonedSocket(socket)
    await using a = named(folder, 'a')
    await using _lb = await balance({ listen: `unix:${front}`, to: a.address, admin: `unix:${socket}` })
    expect(await (await fetch('http://localhost/', { unix: front })).text()).toBe('a')
    expect((await new AdminClient({ socket }).status()).pid).toBe(process.pid)
  })

  test('that is in use stays, and the second balancer says so', async () => {
    using folder = new TempFolder()
    const admin = `unix:${folder.file('admin.sock')}`
    await using first = await balance({ listen: '127.0.0.1:0', admin })
    const second = balance({ listen: '127.0.0.1:0', admin })
    expect(second).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' })
    await second.catch(() => undefined)
    expect((await fetch('http://localhost/status', { unix: folder.file('admin.sock') })).status).toBe(200)
    expect(first.status().pid).toBe(process.pid)
  })

  test('that is a file of another kind is left alone', async () => {
    using folder = new TempFolder()
    writeFileSync(folder.file('notes.txt'), 'mine')
    await removeStaleSocket(folder.file('notes.txt'))
    expect(existsSync(folder.file('notes.txt'))).toBe(true)
  })
})
