import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'bun:test'
import { serveWorker } from '../src/index.ts'
import { readRequestBoard, requestBoardPath } from '../src/protocol.ts'
import { RequestBoard } from '../src/request-board.ts'

async function boardFile(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'rip-board-'))
  const path = join(folder, 'w1.requests')
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

function readBoard(path: string): ReturnType<typeof readRequestBoard> {
  return readRequestBoard(readFileSync(path))
}

async function opened(path: string): Promise<RequestBoard> {
  const board = await RequestBoard.open(path)
  if (board === undefined) throw new Error(`no board at ${path}`)
  return board
}

test('lies beside the socket', () => {
  expect(requestBoardPath('/run/w1.1-abc.sock')).toBe('/run/w1.1-abc.requests')
  expect(requestBoardPath('/run/app')).toBe('/run/app.requests')
})

test('tells what executes first, then what is oldest, and forgets what has ended', async () => {
  await using file = await boardFile()
  await using board = await opened(file.path)
  const before = Date.now()
  const ended = board.enter('PUT', 'http://host/ended', null)
  const waiting = board.enter('GET', 'http://host/waits?for=é', 'id-1')
  board.enter('POST', 'https://host', null)
  board.await(waiting)
  board.leave(ended)
  const requests = readBoard(file.path)
  expect(requests).toMatchObject([
    { method: 'POST', path: '/', executing: true },
    { method: 'GET', path: '/waits?for=é', id: 'id-1', executing: false },
  ])
  for (const { startedMs } of requests) expect(startedMs).toBeWithin(before, Date.now() + 1)
})

test('cuts what is too long, and does not note more than it has places for', async () => {
  await using file = await boardFile()
  await using board = await opened(file.path)
  const places = Array.from({ length: 200 }, () =>
    board.enter('GET', `http://h/${'é'.repeat(999)}`, 'i'.repeat(99)),
  )
  const requests = readBoard(file.path)
  expect(requests.length).toBe(128)
  expect(requests[0]?.id).toBe('i'.repeat(64))
  expect(requests[0]?.path).toStartWith('/ééé')
  for (const place of places) board.leave(place)
  expect(readBoard(file.path)).toEqual([])
  expect(board.enter('GET', 'http://h/', null)).toBeGreaterThanOrEqual(0)
})

test('where there is something else, nothing is read; where none can be made, there is none', async () => {
  await using file = await boardFile()
  await Bun.write(file.path, 'something else')
  expect(readBoard(file.path)).toEqual([])
  expect(await RequestBoard.open(join(file.path, 'below-a-file'))).toBeUndefined()
})

const handlers: Readonly<Record<string, () => unknown>> = {
  '/now': () => new Response('now'),
  '/later': async () => (await Bun.sleep(1), new Response('later')),
  '/throws': () => {
    throw new Error('on purpose')
  },
  '/rejects': async () => Promise.reject(new Error('on purpose')),
  '/nothing': () => undefined,
}

test('a request is on it from the call of its handler to the end of the handler', async () => {
  await using file = await boardFile()
  const seen: unknown[] = []
  await using worker = await serveWorker({
    listen: file.path.replace('.requests', '.sock'),
    requestBoard: file.path,
    log: () => {},
    fetch: (request: Request) => {
      seen.push(readBoard(file.path))
      return handlers[new URL(request.url).pathname]?.() as Response
    },
  })
  for (const path of Object.keys(handlers)) {
    await worker.inject(new Request(`http://app${path}`, { headers: { 'x-request-id': 'abc' } }))
    expect(seen.pop()).toMatchObject([{ method: 'GET', path, id: 'abc', executing: true }])
    expect(readBoard(file.path)).toEqual([])
  }
  const later = worker.inject(new Request('http://app/later'))
  expect(readBoard(file.path)).toMatchObject([{ path: '/later', executing: false }])
  await later
  await worker.close()
  expect(existsSync(file.path)).toBe(false)
})

test('requests of node:http are on it until their response is closed', async () => {
  await using file = await boardFile()
  const listen = file.path.replace('.requests', '.sock')
  const seen: unknown[] = []
  await using _worker = await serveWorker({
    listen,
    requestBoard: file.path,
    listener: (_request, response) => {
      seen.push(readBoard(file.path))
      setTimeout(() => {
        seen.push(readBoard(file.path))
        response.end('done')
      }, 1)
    },
  })
  await (await fetch('http://app/page', { unix: listen, headers: { 'x-request-id': 'abc' } })).text()
  expect(seen).toMatchObject([
    [{ method: 'GET', path: '/page', id: 'abc', executing: true }],
    [{ method: 'GET', path: '/page', id: 'abc', executing: false }],
  ])
})
