import { expect, test } from 'bun:test'
import { connect } from 'node:http2'
import { until } from '@rip/testing'
import { sumRequests } from '../../src/admin/sum.ts'
import { AdminClient, balance, type Balancer } from '../../src/index.ts'
import { TempFolder, TestBackend } from '../servers.ts'

/** A balancer in front of one worker that hangs where it is asked for `/hang`, fails for `/boom`, and streams `/events`. */
async function serve(
  folder: TempFolder,
): Promise<{ lb: Balancer; admin: AdminClient; backend: TestBackend }> {
  const backend = new TestBackend(folder.file('w1.sock'), async (request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/hang/7') await new Promise(() => {})
    if (pathname === '/events')
      return new Response(new ReadableStream({ start: (c) => c.enqueue('data: 1\n\n') }), {
        headers: { 'content-type': 'text/event-stream' },
      })
    return new Response('ok', { status: pathname === '/boom' ? 500 : 200 })
  })
  const socket = folder.file('admin.sock')
  const lb = await balance({ listen: { address: '127.0.0.1:0', http2: true }, admin: `unix:${socket}` })
  const admin = new AdminClient({ socket })
  await admin.prepare('g1', [{ id: 'w1.1', address: backend.address }])
  await admin.cut('g1')
  return { lb, admin, backend }
}

test('requests that are being answered are told with path and age, without query, and without streams', async () => {
  using folder = new TempFolder()
  const { lb, admin, backend } = await serve(folder)
  await using _lb = lb
  await using _backend = backend
  const abort = new AbortController()
  const { signal } = abort
  const stream = await fetch(`${lb.url}/events`, { signal })
  const hanging = fetch(`${lb.url}/hang/7?token=secret`, { signal, headers: { 'x-secret': 'secret' } }).catch(
    () => {},
  )
  await until('it waits', async () => (await admin.requests()).inFlight[0]?.phase === 'waiting')
  const report = await admin.requests()
  expect(report).toMatchObject({
    inFlightCount: 1,
    inFlight: [{ method: 'GET', path: '/hang/7', phase: 'waiting', backend: 'w1.1', generation: 'g1' }],
  })
  expect(report.inFlight[0]!.ageMs).toBeWithin(0, 30_000)
  expect(JSON.stringify(report)).not.toContain('secret')
  abort.abort()
  await hanging
  await stream.text().catch(() => {})
})

test('a failure is told with the id that the log has, and its route with the number of failures', async () => {
  using folder = new TempFolder()
  const { lb, admin, backend } = await serve(folder)
  await using _lb = lb
  await using _backend = backend
  for (const path of ['/orders/1', '/orders/2', '/boom?token=secret'])
    await (await fetch(lb.url + path)).text()
  const report = await until('all are counted', async () => {
    const each = await admin.requests()
    return each.failures.length === 1 ? each : undefined
  })
  expect(report.failures[0]).toMatchObject({
    path: '/boom',
    status: 500,
    cause: 'completed',
    backend: 'w1.1',
  })
  expect(report.failures[0]!.requestId).not.toBe('')
  const [generation] = report.generations
  expect(generation!.generation).toBe('g1')
  expect(
    generation!.routes.map(({ route, answers }) => [route, answers.failed, answers.statuses[1]]),
  ).toEqual([
    ['GET /orders/:n', 0, 2],
    ['GET /boom', 1, 0],
  ])
  const twice = sumRequests([report, report])
  expect(twice.generations[0]!.routes[0]).toMatchObject({
    route: 'GET /orders/:n',
    answers: { statuses: [0, 4, 0, 0, 0] },
  })
  expect(twice.failures).toHaveLength(2)
})

test('requests over HTTP/2 are among them, each stream for itself', async () => {
  using folder = new TempFolder()
  const { lb, admin, backend } = await serve(folder)
  await using _lb = lb
  await using _backend = backend
  const session = connect(lb.url)
  const streams = [
    session.request({ ':path': '/hang/7?token=secret' }),
    session.request({ ':path': '/hang/7' }),
  ]
  for (const stream of streams) stream.on('error', () => {}).end()
  const report = await until('both wait', async () => {
    const each = await admin.requests()
    return each.inFlight.filter(({ phase }) => phase === 'waiting').length === 2 ? each : undefined
  })
  expect(report.inFlight.map(({ path }) => path)).toEqual(['/hang/7', '/hang/7'])
  session.destroy()
})
