import { expect, test } from 'bun:test'
import { connectionsForDescriptors } from '../../src/transport/descriptor-limit.ts'
import { fileURLToPath } from 'node:url'

const dialModule = fileURLToPath(new URL('../../src/upstream/dial.ts', import.meta.url))
const turnModule = fileURLToPath(new URL('../../src/transport/turn.ts', import.meta.url))
const limits = (soft: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax open files            ${soft}                 4096                 files\n`

test('each client connection leaves a descriptor for one to a backend, and some remain', () => {
  expect(connectionsForDescriptors(limits('1024'))).toBe(480)
})

test('a tiny limit still allows one connection', () => {
  expect(connectionsForDescriptors(limits('20'))).toBe(1)
})

test('no limit is known where the system does not tell', () => {
  expect(connectionsForDescriptors(limits('unlimited'))).toBe(Number.POSITIVE_INFINITY)
  expect(connectionsForDescriptors('')).toBe(Number.POSITIVE_INFINITY)
})

test('a process that can open nothing more notices, and does not blame the backend', async () => {
  const program = `
    import { openSync } from 'node:fs'
    import { dial, DialedSocket } from ${JSON.stringify(dialModule)}
    import { Turn } from ${JSON.stringify(turnModule)}
    const turn = new Turn()
    const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    const verdict = (port) => new Promise((resolve) => {
      const dialed = new DialedSocket(turn)
      dialed.connection = { lost: resolve, opened: () => resolve('opened') }
      dial({ kind: 'tcp', host: '127.0.0.1', port }, dialed)
    })
    console.log(await verdict(server.port), await verdict(1))
    try { for (;;) openSync('/dev/null', 'r') } catch {}
    console.log(await verdict(server.port))
    process.exit()
  `
  const child = Bun.spawn(['sh', '-c', 'ulimit -n 64; exec "$0" -e "$1"', process.execPath, program])
  expect(await child.stdout.text()).toBe('opened connect-failed\nlocal-failure\n')
})
