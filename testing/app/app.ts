/** The application in sandboxes for releases: one route for each thing that can succeed or fail. */
import { createHash } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { VERSION } from './version.ts'

const encoder = new TextEncoder()
const kept: Uint8Array[] = []

const identity = (): Response =>
  Response.json({
    version: VERSION,
    pid: process.pid,
    generation: process.env['RIP_GENERATION'],
    cwd: process.cwd(),
  })

/** Ten lines, spread evenly over the given time. */
function lines(totalMs: number): ReadableStream<Uint8Array> {
  let next = 0
  return new ReadableStream({
    async pull(controller) {
      controller.enqueue(encoder.encode(`${next}\n`))
      if (++next === 10) return controller.close()
      await Bun.sleep(totalMs / 10)
    },
  })
}

async function echo(request: Request): Promise<Response> {
  const body = Buffer.from(await request.arrayBuffer())
  return new Response(createHash('sha1').update(body).digest('hex'))
}

function burn(ms: number): Response {
  const until = performance.now() + ms
  while (performance.now() < until);
  return new Response('burnt')
}

/** The memory stays referenced and is written to, so that it counts as resident. */
function leak(megabytes: number): Response {
  kept.push(new Uint8Array(megabytes * 1_048_576).fill(1))
  return identity()
}

/** Leaks in one worker only, whichever worker gets the request first. */
function leakIn(pid: number, megabytes: number): Response {
  return process.pid === pid ? leak(megabytes) : identity()
}

/** Allocates the same memory, but only for half a second. */
async function spike(megabytes: number): Promise<Response> {
  leak(megabytes)
  await Bun.sleep(500)
  kept.pop()
  Bun.gc(true)
  return identity()
}

/** Starts a grandchild that ignores SIGTERM. */
function spawnStubborn(): Response {
  const child = Bun.spawn(['sh', '-c', 'trap "" TERM HUP INT; while :; do sleep 1; done'], {
    stdio: ['ignore', 'ignore', 'ignore'],
  })
  return new Response(String(child.pid))
}

function write(path: string): Response {
  appendFileSync(path, `${Date.now()}\n`)
  return new Response('written')
}

type Route = (query: URLSearchParams, request: Request) => Response | Promise<Response>

const numberOf = (query: URLSearchParams, name: string): number => Number(query.get(name) ?? 0)

const ROUTES: Readonly<Record<string, Route>> = {
  '/': identity,
  '/pid': identity,
  '/gen': identity,
  '/up': () => new Response('up'),
  '/echo': (_query, request) => echo(request),
  '/stream': (query) => new Response(lines(numberOf(query, 'ms') || 1000)),
  '/sleep': async (query) => (await Bun.sleep(numberOf(query, 'ms')), identity()),
  '/cpu': (query) => burn(numberOf(query, 'ms')),
  '/leak': (query) => leak(numberOf(query, 'mb')),
  '/leak-in': (query) => leakIn(numberOf(query, 'pid'), numberOf(query, 'mb')),
  '/crash': () => process.kill(process.pid, 'SIGSEGV') && new Response(),
  '/spike': (query) => spike(numberOf(query, 'mb')),
  '/exit': (query) => process.exit(numberOf(query, 'code')),
  '/env': (query) => Response.json(process.env[query.get('k') ?? ''] ?? null),
  '/spawn': spawnStubborn,
  '/write': (query) => write(query.get('path') ?? 'written.log'),
}

export default {
  async fetch(
    request: Request,
    server: { upgrade(request: Request): boolean },
  ): Promise<Response | undefined> {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/ws' && server.upgrade(request)) return undefined
    return ROUTES[pathname]?.(searchParams, request) ?? new Response('no such route', { status: 404 })
  },
  websocket: {
    message(socket: { send(text: string | Uint8Array): number }, text: string | Uint8Array): void {
      socket.send(text)
    },
  },
}
