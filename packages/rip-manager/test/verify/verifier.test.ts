import { afterEach, describe, expect, test } from 'bun:test'
import { probe } from '../../src/verify/probe.ts'
import { createVerifier, type VerifierOptions } from '../../src/verify/verifier.ts'
import { temporaryFolder } from '../real.ts'

const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function worker(answer: (request: Request) => Response | Promise<Response>): Promise<string> {
  const folder = await temporaryFolder()
  const server = Bun.serve({ unix: folder.at('w.sock'), fetch: answer })
  cleanups.push(async () => {
    await server.stop(true)
    await folder[Symbol.asyncDispose]()
  })
  return folder.at('w.sock')
}

const verify = (
  socket: string,
  options: Partial<VerifierOptions> = {},
  signal = new AbortController().signal,
) => createVerifier({ path: '/up', ...options }).verify(socket, { signal })

describe('a candidate', () => {
  test('is proven by an answer', async () => {
    const asked: string[] = []
    const socket = await worker((request) => {
      asked.push(`${request.method} ${new URL(request.url).pathname}`)
      return new Response('fine')
    })
    expect(await verify(socket)).toBeUndefined()
    expect(asked).toEqual(['GET /up'])
  })

  test('is asked with the query and the Host that were named', async () => {
    const asked: (string | null)[] = []
    const socket = await worker((request) => {
      asked.push(new URL(request.url).search, request.headers.get('host'))
      return new Response('fine')
    })
    expect(await verify(socket, { path: '/up?deep=1&a=%20' })).toBeUndefined()
    expect(await verify(socket, { host: 'shop.example:8080' })).toBeUndefined()
    expect(asked).toEqual(['?deep=1&a=%20', 'localhost', '', 'shop.example:8080'])
  })

  test('is refused with what it answered', async () => {
    const socket = await worker(() => new Response('no database', { status: 503 }))
    expect(await verify(socket)).toBe('GET /up was answered 503 Service Unavailable: no database')
  })

  test('is not asked at another socket', async () => {
    const socket = await worker(() => Response.redirect('/login'))
    expect(await verify(socket)).toContain('was answered 302')
    expect(await verify(socket)).toContain('to /login')
  })

  test('is refused when it does not answer in time', async () => {
    const socket = await worker(() => new Promise<Response>(() => {}))
    expect(await verify(socket, { timeoutMs: 50 })).toBe('GET /up was not answered within 50 ms')
  })

  test('is refused when its answer never ends', async () => {
    const socket = await worker(() => new Response(new ReadableStream({ pull: () => new Promise(() => {}) })))
    expect(await verify(socket, { timeoutMs: 50 })).toBe('GET /up was not answered within 50 ms')
  })

  test('is refused when nobody listens', async () => {
    await using folder = await temporaryFolder()
    expect(await verify(folder.at('none.sock'))).toStartWith('GET /up failed:')
  })

  test('is not judged when the check is aborted', async () => {
    const socket = await worker(() => new Promise<Response>(() => {}))
    const abort = new AbortController()
    const verdict = verify(socket, {}, abort.signal).then(
      () => 'a verdict',
      (error: unknown) => String(error),
    )
    abort.abort()
    expect(await verdict).toContain('AbortError')
  })
})

describe('the probe', () => {
  test('waits for a socket to accept', async () => {
    await using folder = await temporaryFolder()
    const abort = new AbortController()
    let accepted = false
    const probing = probe(folder.at('late.sock'), { signal: abort.signal }).then(() => (accepted = true))
    await Bun.sleep(30)
    expect(accepted).toBe(false)
    const listener = Bun.listen({ unix: folder.at('late.sock'), socket: { data() {} } })
    await probing
    listener.stop(true)
  })

  test('gives up when the signal aborts', async () => {
    await using folder = await temporaryFolder()
    const abort = new AbortController()
    const probing = probe(folder.at('never.sock'), { signal: abort.signal }).then(
      () => 'accepted',
      () => 'gave up',
    )
    abort.abort()
    expect(await probing).toBe('gave up')
  })
})
