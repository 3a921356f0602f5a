import { isAbsolute } from 'node:path'
import type { ContentAccount } from '../contract/content-account.ts'
import { ManagerError } from '../contract/errors.ts'
import type { Look, Manager, ReloadOptions, ReloadResult, StopOptions } from '../contract/manager-api.ts'
import type { DrainReport } from '../contract/router.ts'
import type { RequestsStatus } from '../contract/requests.ts'
import type { ManagerStatus } from '../contract/status.ts'
import { bytesOf, failure, json, linesOf, metricsText } from './answers.ts'
import type { EventHistory } from './event-history.ts'
import { BadRequest, readBody, type Shape } from './json-body.ts'
import type { ManagerMetrics } from './manager-metrics.ts'
import type { BalancerIntroduction, HandOverResult, JoinNotice } from './protocol.ts'

/** What the requests do. */
export interface ControlTarget {
  readonly manager: Manager
  /** What `GET /status` tells. @default `manager.status` */
  readonly status?: () => Promise<ManagerStatus>
  /** What `GET /requests` tells; `undefined` where no balancer answers. @default nothing is known */
  readonly requests?: () => Promise<RequestsStatus | undefined>
  /** What `GET /content` tells of a file, by its absolute path; absent where nothing is known of files. */
  readonly content?: (path: string) => ContentAccount
  /** What `POST /stop` does. @default `manager.close` */
  readonly stop?: (options: StopOptions) => Promise<DrainReport>
  /** What `POST /reload` does. @default `manager.reload` */
  readonly reload?: (options: ReloadOptions) => Promise<ReloadResult>
  /** What `POST /hand-over` does; absent where no process can take the place of this one. */
  readonly handOver?: () => Promise<HandOverResult>
  /**
   * What `POST /join` does; absent where balancers cannot join. The signal aborts when the balancer has gone.
   * @throws ManagerError `BALANCER_REFUSED`
   */
  readonly join?: (balancer: BalancerIntroduction, signal: AbortSignal) => Promise<AsyncIterable<JoinNotice>>
  /** The answer to `GET /balancers`: the balancers that have joined. @default none */
  readonly joined?: () => readonly BalancerIntroduction[]
}

const reasoned = { reason: 'string' } as const

type Route = (request: Request) => Response | Promise<Response>
export type Routes = Readonly<Record<string, Readonly<Record<string, Route>>>>

export function routesOf(
  { manager, status, requests, content, stop, reload, handOver, join, joined }: ControlTarget,
  history: EventHistory,
  metrics: ManagerMetrics,
): Routes {
  const command = (shape: Shape, run: (options: ReloadOptions) => Promise<ReloadResult>) => ({
    POST: async (request: Request) => {
      const result = await run(await readBody(request, shape))
      return json(result, result.ok ? 200 : 409)
    },
  })
  const held = () => json({ held: manager.status.held })
  return {
    '/status': { GET: async () => json((await status?.()) ?? manager.status) },
    '/requests': { GET: async () => json((await requests?.()) ?? NO_REQUESTS) },
    ...(content !== undefined && { '/content': { GET: (request) => json(content(fileIn(request))) } }),
    '/inspect': { POST: (request) => streamFinding(request, manager) },
    '/ready': { GET: () => readiness(manager.status) },
    '/metrics': { GET: async () => metricsText(metrics.render((await status?.()) ?? manager.status)) },
    '/balancers': { GET: () => json({ balancers: joined?.() ?? [] }) },
    '/events': { GET: (request) => streamEvents(request, history) },
    '/reload': command({ ...reasoned, force: 'boolean', wait: 'boolean' }, (options) =>
      (reload ?? manager.reload.bind(manager))(options),
    ),
    '/restart': {
      POST: async (request) => {
        const result = await manager.restart(await readBody(request, { ...reasoned, background: 'string' }))
        return json(result, result.ok ? 200 : 409)
      },
    },
    '/rollback': command({ ...reasoned, force: 'boolean' }, (options) => manager.rollback(options)),
    '/hold': { POST: () => (manager.hold(), held()) },
    '/resume': { POST: () => (manager.resume(), held()) },
    '/scale': {
      POST: async (request) => {
        const { workers } = await readBody(request, { workers: 'number' })
        if (workers === undefined) throw new BadRequest('"workers" is missing')
        await manager.scale(workers)
        return json({ workers: manager.status.wantedWorkers })
      },
    },
    ...(handOver !== undefined && { '/hand-over': { POST: async () => handedOver(await handOver()) } }),
    ...(join !== undefined && { '/join': { POST: (request) => streamNotices(request, join) } }),
    '/stop': {
      POST: async (request) => {
        const { now = false } = await readBody(request, { now: 'boolean' })
        return json(await (stop ?? manager.close.bind(manager))({ now }))
      },
    },
  }
}

const NO_REQUESTS: RequestsStatus = { underWay: [], underWayCount: 0, routes: [], failures: [] }

/** @throws BadRequest */
function fileIn(request: Request): string {
  const file = new URL(request.url).searchParams.get('file')
  if (file !== null && isAbsolute(file)) return file
  throw new BadRequest('"file" must be an absolute path')
}

const KINDS: readonly string[] = ['memory', 'cpu', 'heap'] satisfies Look['kind'][]

/** What a process found when it looked at itself, as the caller reads it. */
async function streamFinding(request: Request, manager: Manager): Promise<Response> {
  const { pid, kind, forMs } = await readBody(request, { pid: 'number', kind: 'string', forMs: 'number' })
  if (pid === undefined || kind === undefined) throw new BadRequest('"pid" and "kind" are needed')
  if (!KINDS.includes(kind)) throw new BadRequest(`"kind" must be one of ${KINDS.join(', ')}`)
  const abort = new AbortController()
  request.signal.addEventListener('abort', () => abort.abort(), { once: true })
  const look: Look = { kind: kind as Look['kind'], ...(forMs !== undefined && { forMs }) }
  const { bytes, parts } = await manager.inspect(pid, look, { signal: abort.signal })
  return bytesOf(bytes, parts[Symbol.asyncIterator](), () => abort.abort())
}

/** Whether a load balancer outside should send requests. */
function readiness({ health, readyWorkers, wantedWorkers }: ManagerStatus): Response {
  const leaves = health === 'starting' || health === 'stopping' || health === 'stopped'
  const ready = (readyWorkers > 0 || wantedWorkers === 0) && !leaves
  return json({ ready, health }, ready ? 200 : 503)
}

const handedOver = (result: HandOverResult): Response => json(result, result.ok ? 200 : 409)

/** One event a line, as long as the client stays. */
function streamEvents(request: Request, history: EventHistory): Response {
  const { searchParams } = new URL(request.url)
  const since = Number(searchParams.get('since') ?? history.latest)
  if (!Number.isSafeInteger(since) || since < 0)
    throw new BadRequest('"since" must be the number of an event, or 0')
  const abort = new AbortController()
  const events = history.read(since, { follow: searchParams.get('follow') !== '0', signal: abort.signal })
  return linesOf({ next: () => events.next(), cancel: () => abort.abort() })
}

async function streamNotices(request: Request, join: NonNullable<ControlTarget['join']>): Promise<Response> {
  const body = await readBody(request, { pid: 'number', socket: 'string', listening: 'string' })
  const { pid, socket, listening } = body
  if (pid === undefined || socket === undefined) throw new BadRequest('"pid" and "socket" are needed')
  const abort = new AbortController()
  const notices = (await join({ pid, socket, ...(listening !== undefined && { listening }) }, abort.signal))[
    Symbol.asyncIterator
  ]()
  return linesOf({ next: () => notices.next(), cancel: () => abort.abort() })
}

/** Answers a request by its route, and what cannot be done with a failure. */
export async function respond(routes: Routes, request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  const methods = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined
  if (methods === undefined) {
    return failure(404, 'NOT_FOUND', `there is no ${pathname}; there is ${Object.keys(routes).join(', ')}`)
  }
  const route = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined
  if (route === undefined) {
    const allowed = Object.keys(methods).join(', ')
    return failure(405, 'METHOD_NOT_ALLOWED', `${pathname} understands ${allowed}, not ${request.method}`, {
      allow: allowed,
    })
  }
  try {
    return await route(request)
  } catch (error) {
    if (error instanceof BadRequest) return failure(400, 'BAD_REQUEST', error.message)
    if (error instanceof ManagerError) return failure(422, error.code, error.message)
    return failure(500, 'INTERNAL', String(error))
  }
}
