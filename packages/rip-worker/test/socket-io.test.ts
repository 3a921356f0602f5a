import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { io, type Socket } from 'socket.io-client'
import { Program } from './helpers.ts'

const APP = join(import.meta.dir, 'fixtures', 'socket-io.ts')

interface Connected extends AsyncDisposable {
  readonly program: Program
  readonly client: Socket
}

async function connect(transports: readonly string[]): Promise<Connected> {
  const program = new Program({ args: [APP, '--listen', '127.0.0.1:0'] })
  const client = io(await program.address(), { transports: [...transports], reconnection: false })
  const [connected, failed] = [Promise.withResolvers<void>(), Promise.withResolvers<never>()]
  client.on('connect', connected.resolve)
  client.on('connect_error', failed.reject)
  await Promise.race([connected.promise, failed.promise])
  return {
    program,
    client,
    async [Symbol.asyncDispose]() {
      client.close()
      await program[Symbol.asyncDispose]()
    },
  }
}

test.each([
  ['websocket', ['websocket']],
  ['polling', ['polling']],
  ['websocket', ['polling', 'websocket']],
])('Socket.IO ends up with %s where the client takes %p', async (transport, transports) => {
  await using connected = await connect(transports)
  const { client } = connected
  const { engine } = client.io
  if (engine.transport.name !== transport)
    await new Promise((resolve) => void engine.once('upgrade', resolve))
  expect(engine.transport.name).toBe(transport)
  expect(await client.timeout(5000).emitWithAck('ask', 'one')).toBe('echo one')
})

test('a client of Socket.IO is told to connect again at a drain, and holds it up no longer', async () => {
  await using connected = await connect(['websocket'])
  const { client, program } = connected
  const ended = new Promise(
    (resolve) => void client.on('disconnect', (reason, details) => resolve([reason, details])),
  )
  program.process.kill('SIGTERM')
  expect(await ended).toMatchObject(['transport close', { context: { code: 1012 } }])
  expect(await program.exitCode()).toBe(0)
})
