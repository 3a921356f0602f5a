import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { until } from '@rip/testing'
import { Folder, Supervised } from './helpers.ts'

/** Limits itself, and opens files until it can open no more: once when asked, or again and again until it is sent USR2. */
const GREEDY = `
  import { dlopen } from 'bun:ffi'
  import { closeSync, openSync } from 'node:fs'
  const { setrlimit } = dlopen('libc.so.6', { setrlimit: { args: ['int', 'buffer'], returns: 'int' } }).symbols
  setrlimit(7, new BigUint64Array([128n, 128n]))
  const held = []
  const fill = () => { try { for (;;) held.push(openSync('/dev/null', 'r')) } catch {} }
  const give = (count) => { for (const fd of held.splice(0, count)) closeSync(fd) }
  let filling
  process.on('SIGUSR2', () => { clearInterval(filling); give(1) })
  export default ({ url }) => {
    if (url.endsWith('/fill')) fill()
    if (url.endsWith('/give')) give(Infinity)
    if (url.endsWith('/keep')) filling = setInterval(fill, 1)
    return new Response('hello')
  }`

/** The answer to a request on a connection of its own, which is open when this resolves. */
async function askAnew(socket: string): Promise<{ readonly answer: Promise<string> }> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const connection = connect(socket)
  let text = ''
  connection.on('data', (bytes) => void (text += bytes.toString()))
  connection.on('error', ({ message }) => resolve(message))
  connection.on('close', () => resolve(text))
  await new Promise((done) => connection.once('connect', done))
  connection.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  return { answer: promise }
}

const free = ({ messages }: Supervised): number | undefined => {
  const last = messages.findLast(({ type }) => type === 'beacon')
  return last?.type === 'beacon' ? last.freeDescriptors : undefined
}

describe.skipIf(process.platform !== 'linux')('a worker without free descriptors', () => {
  test('says so and serves on, new connections included, until it has enough again', async () => {
    await using supervised = new Supervised(new Folder({ 'app.ts': GREEDY }))
    await until('descriptors are counted', () => (free(supervised) ?? Infinity) < 128)
    expect(free(supervised)).toBeGreaterThan(32)
    await supervised.fetch('/fill')
    await until('it says so', () => free(supervised) === 0)
    const { answer } = await askAnew(supervised.socket)
    expect(await answer).toContain('hello')
    expect(supervised.message('beacon')?.rssBytes).toBeGreaterThan(10_000_000)
    await supervised.fetch('/give')
    await until('it has enough again', () => (free(supervised) ?? 0) > 32)
    supervised.send({ type: 'drain', deadlineMs: 5_000 })
    expect(await supervised.program.exitCode()).toBe(0)
    expect(supervised.program.stderr).toBe('')
  })

  test('that leaves answers the connections that could not be accepted before', async () => {
    await using supervised = new Supervised(new Folder({ 'app.ts': GREEDY }))
    await until('descriptors are counted', () => free(supervised) !== undefined)
    await supervised.fetch('/keep')
    await until('it says so', () => free(supervised) === 0)
    // With each beacon it gives some away, which the application takes at once.
    const seen = supervised.messages.length
    await until('nothing is left to give away', () => supervised.messages.length > seen + 10)
    const { answer } = await askAnew(supervised.socket)
    supervised.send({ type: 'drain', deadlineMs: 10_000 })
    supervised.program.process.kill('SIGUSR2')
    expect(await answer).toContain('hello')
    expect(await supervised.program.exitCode()).toBe(0)
  })
})
