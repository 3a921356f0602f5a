import { ManagerError } from '../contract/errors.ts'
import { assertSocketPathFits } from '../socket/socket-address.ts'
import type { CommandOptions, Manager, ReloadResult, StopOptions } from '../contract/manager-api.ts'
import type { DrainReport } from '../contract/router.ts'
import type { ManagerStatus } from '../contract/status.ts'
import { HealingSocket } from '../socket/healing-socket.ts'
import { EventHistory } from './event-history.ts'
import {
  type BalancerIntroduction,
  CONTROL_VERSION,
  type ControlFailure,
  type HandOverResult,
  type JoinNotice,
  VERSION_HEADER,
} from './protocol.ts'

/** Answers under way when the server is closed get this long to leave. */
const CLOSE_GRACE_MS = 1_000
/** How often a removed socket is noticed. */
const HEAL_MS = 2_000
/** A command is a few words. */
const MAX_BODY_BYTES = 65_536

/**
 * A reload may take minutes, and a quiet stream of events is not idle. The types know no idle timeout on Unix
 * sockets, but there is one of 10 s, which `server.timeout()` does not change (Bun 1.4.5).
 */
const neverIdle: object = { idleTimeout: 0 }

export interface ControlServerOptions {
  /** Path of the Unix socket. */
  readonly path: string
  readonly manager: Manager
  /** What `POST /stop` does. @default `manager.close` */
  readonly stop?: (options: StopOptions) => Promise<DrainReport>
  /** What `POST /reload` does. @default `manager.reload` */
  readonly reload?: (options: CommandOptions) => Promise<ReloadResult>
  /** What `POST /hand-over` does; absent where no process can take the place of this one. */
  readonly handOver?: () => Promise<HandOverResult>
  /**
   * What `POST /join` does; absent where balancers cannot join. The signal aborts when the balancer has gone.
   * @throws ManagerError `BALANCER_REFUSED`
   */
  readonly join?: (balancer: BalancerIntroduction, signal: AbortSignal) => Promise<AsyncIterable<JoinNotice>>
}

/** An open control socket. */
export interface ControlServer extends AsyncDisposable {
  /** Lets answers under way leave, ends event streams, removes the socket. Idempotent. */
  close(): Promise<void>
}

/**
 * Lets operators' commands reach a manager: HTTP with JSON on a Unix socket that only its owner may use.
 * A command goes on when the caller stops waiting for the answer.
 *
 * | request | body | answer |
 * | --- | --- | --- |
 * | `GET /status` | | `ManagerStatus` |
 * | `GET /ready` | | `{ ready, health }`; 503 unless it serves and goes on to |
 * | `GET /events?since=SEQ&follow=0` | | one `ManagerEvent` a line, after an empty one; without `since` from now on |
 * | `POST /reload`, `/restart`, `/rollback` | `{ reason? }` | `ReloadResult`; 409 when refused |
 * | `POST /hold`, `/resume` | | `{ held }` |
 * | `POST /scale` | `{ workers }` | `{ workers }` |
 * | `POST /hand-over` | | `HandOverResult`; 409 when there is no successor |
 * | `POST /join` | `BalancerIntroduction` | one `JoinNotice` a line for as long as the balancer stays |
 * | `POST /stop` | `{ now? }` | `DrainReport` |
 *
 * @throws ManagerError `SOCKET_PATH_TOO_LONG`
 */
export async function openControlServer(options: ControlServerOptions): Promise<ControlServer> {
  assertSocketPathFits(options.path)
  return new HttpControlServer(options)
}

class HttpControlServer implements ControlServer {
  readonly #history: EventHistory
  readonly #socket: HealingSocket<Bun.Server<undefined>>
  readonly #timer: ReturnType<typeof setInterval>
  #closing: Promise<void> | undefined

  constructor(options: ControlServerOptions) {
    this.#history = new EventHistory(options.manager)
    const routes = routesOf(options, this.#history)
    this.#socket = new HealingSocket(options.path, () =>
      Bun.serve({
        unix: options.path,
        maxRequestBodySize: MAX_BODY_BYTES,
        ...neverIdle,
        fetch: (request) => respond(routes, request),
        error: (error) => failure(500, 'INTERNAL', String(error)),
      }),
    )
    this.#socket.open()
    this.#timer = setInterval(() => this.#heal(), HEAL_MS)
    this.#timer.unref()
  }

  #heal(): void {
    try {
      this.#socket.heal()
    } catch {
      // ENOENT: its folder is gone as well. Once that has been made again, the next attempt succeeds.
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer)
    const servers = this.#socket.close()
    await this.#history[Symbol.asyncDispose]()
    await within(CLOSE_GRACE_MS, Promise.all(servers.map((server) => server.stop())))
    for (const server of servers) void server.stop(true)
    this.#socket.remove()
  }
}

/** Waits for the promise, but no longer. */
async function within(timeoutMs: number, promise: Promise<unknown>): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, timeoutMs)
  await Promise.race([promise, over])
  clearTimeout(timer)
}

type Route = (request: Request) => Response | Promise<Response>
type Routes = Readonly<Record<string, Readonly<Record<string, Route>>>>

function routesOf(
  { manager, stop, reload, handOver, join }: ControlServerOptions,
  history: EventHistory,
): Routes {
  const command = (run: (options: CommandOptions) => Promise<ReloadResult>) => ({
    POST: async (request: Request) => {
      const { reason } = await readBody(request, { reason: 'string' })
      const result = await run(reason === undefined ? {} : { reason })
      return json(result, result.ok ? 200 : 409)
    },
  })
  const held = () => json({ held: manager.status.held })
  return {
    '/status': { GET: () => json(manager.status) },
    '/ready': { GET: () => readiness(manager.status) },
    '/events': { GET: (request) => streamEvents(request, history) },
    '/reload': command((options) => (reload ?? manager.reload.bind(manager))(options)),
    '/restart': command((options) => manager.restart(options)),
    '/rollback': command((options) => manager.rollback(options)),
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

/** Whether a load balancer outside should send requests. */
function readiness({ health, readyWorkers }: ManagerStatus): Response {
  const leaves = health === 'starting' || health === 'stopping' || health === 'stopped'
  const ready = readyWorkers > 0 && !leaves
  return json({ ready, health }, ready ? 200 : 503)
}

const handedOver = (result: HandOverResult): Response => json(result, result.ok ? 200 : 409)

async function respond(routes: Routes, request: Request): Promise<Response> {
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

class BadRequest extends Error {}

interface FieldTypes {
  readonly string: string
  readonly number: number
  readonly boolean: boolean
}

type Shape = Readonly<Record<string, keyof FieldTypes>>

/** The fields of a JSON body; a body may be absent, but may hold nothing unknown. */
async function readBody<S extends Shape>(
  request: Request,
  shape: S,
): Promise<{ readonly [Name in keyof S]?: FieldTypes[S[Name]] }> {
  const body = parseBody(await request.text())
  for (const [name, value] of Object.entries(body)) {
    const type = Object.hasOwn(shape, name) ? shape[name] : undefined
    if (type === undefined)
      throw new BadRequest(`unknown field "${name}"; known: ${Object.keys(shape).join(', ')}`)
    if (typeof value !== type)
      throw new BadRequest(`"${name}" must be a ${type}, but is ${JSON.stringify(value)}`)
  }
  // Each field was just compared with the shape.
  return body as { readonly [Name in keyof S]?: FieldTypes[S[Name]] }
}

function parseBody(text: string): Readonly<Record<string, unknown>> {
  if (text === '') return {}
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return { ...body }
  } catch {
    // Not JSON: the same answer as JSON that is no object.
  }
  throw new BadRequest('the body must be a JSON object')
}

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

interface Lines {
  readonly next: () => Promise<IteratorResult<object, unknown>>
  readonly cancel: () => void
}

/** One object a line, as they come. */
function linesOf({ next, cancel }: Lines): Response {
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    // The head is sent with the first bytes: an empty line tells the reader that it is heard from now on.
    start: (controller) => controller.enqueue(encoder.encode('\n')),
    async pull(controller) {
      const { done, value } = await next()
      if (done === true) controller.close()
      else controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`))
    },
    cancel,
  })
  return new Response(body, { headers: { ...version, 'content-type': 'application/x-ndjson' } })
}

async function streamNotices(
  request: Request,
  join: NonNullable<ControlServerOptions['join']>,
): Promise<Response> {
  const { pid, socket } = await readBody(request, { pid: 'number', socket: 'string' })
  if (pid === undefined || socket === undefined) throw new BadRequest('"pid" and "socket" are needed')
  const abort = new AbortController()
  const notices = (await join({ pid, socket }, abort.signal))[Symbol.asyncIterator]()
  return linesOf({ next: () => notices.next(), cancel: () => abort.abort() })
}

const version = { [VERSION_HEADER]: String(CONTROL_VERSION) }

function json(body: object, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json(body, { status, headers: { ...version, ...headers } })
}

function failure(
  status: number,
  code: ControlFailure['error']['code'],
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return json({ error: { code, message } } satisfies ControlFailure, status, headers)
}
