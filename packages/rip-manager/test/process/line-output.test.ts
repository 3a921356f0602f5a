import { expect, test } from 'bun:test'
import { Writable } from 'node:stream'
import { createLineOutput } from '../../src/process/line-output.ts'
import { temporaryFolder } from '../real.ts'

/** A stream whose reader takes one write at a time, when the test allows it. */
function slowStream(): { stream: Writable; written: string[]; take: (error?: Error) => void } {
  const written: string[] = []
  const pending: ((error?: Error) => void)[] = []
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, callback) {
      written.push(chunk)
      pending.push(callback)
    },
  })
  return { stream, written, take: (error) => pending.shift()?.(error) }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('drops lines beyond its bound and says how many', async () => {
  const { stream, written, take } = slowStream()
  const output = createLineOutput(stream, { maxBufferedBytes: 20 })
  for (let index = 0; index < 5; index += 1) output.write(`line ${index} 123`)
  for (let index = 0; index < 3; index += 1) {
    take()
    await settled()
  }
  expect(written).toEqual(['line 0 123\n', '(4 lines dropped: this output is not being read fast enough)\n'])
  output.write('after')
  expect(written.at(-1)).toBe('after\n')
})

test('a reader that left is no error', async () => {
  const { stream, written, take } = slowStream()
  const output = createLineOutput(stream)
  output.write('one')
  take(Object.assign(new Error('EPIPE'), { code: 'EPIPE' }))
  await settled()
  output.write('two')
  expect(written).toEqual(['one\n'])
})

test('a supervisor whose output pipe was closed lives on', async () => {
  await using folder = await temporaryFolder()
  await Bun.write(
    folder.at('main.ts'),
    `import { createSpawner } from ${JSON.stringify(new URL('../../src/process/spawner.ts', import.meta.url).pathname)}
     const spawner = createSpawner()
     const command = ['sh', '-c', 'for i in 1 2 3 4 5; do echo $i; echo $i >&2; sleep 0.02; done; exit 5']
     const status = await spawner.spawn({ name: 'w1', command, cwd: '/', env: { PATH: process.env.PATH } }).exited
     await Bun.write(${JSON.stringify(folder.at('status'))}, JSON.stringify(status))`,
  )
  const supervisor = Bun.spawn([process.execPath, folder.at('main.ts')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  await Promise.all([supervisor.stdout.cancel(), supervisor.stderr.cancel()])
  expect(await supervisor.exited).toBe(0)
  expect(await Bun.file(folder.at('status')).json()).toEqual({ code: 5, signal: null, oom: false })
})
