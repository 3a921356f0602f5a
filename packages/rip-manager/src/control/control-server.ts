import { assertSocketPathFits } from '../socket/socket-address.ts'
import { HealingSocket } from '../socket/healing-socket.ts'
import { failure } from './answers.ts'
import { EventHistory } from './event-history.ts'
import { ManagerMetrics } from './manager-metrics.ts'
import { type ControlTarget, respond, routesOf } from './routes.ts'

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

export interface ControlServerOptions extends ControlTarget {
  /** Path of the Unix socket. */
  readonly path: string
  /** What `GET /metrics` renders. @default metrics of its own, counted from here on */
  readonly metrics?: ManagerMetrics
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
 * | `GET /requests` | | `RequestsStatus` |
 * | `GET /content?file=PATH` | | `ContentAccount` of a file |
 * | `POST /inspect` | `{ pid, kind, forMs? }` | what that process found, in `rip-bytes` bytes |
 * | `GET /metrics` | | what is known of the manager and its workers, in the text format of Prometheus |
 * | `GET /ready` | | `{ ready, health }`; 503 unless it serves and goes on to |
 * | `GET /events?since=SEQ&follow=0` | | one `ManagerEvent` a line, after an empty one; without `since` from now on |
 * | `POST /reload`, `/restart`, `/rollback` | `{ reason? }` | `ReloadResult`; 409 when refused |
 * | `POST /hold`, `/resume` | | `{ held }` |
 * | `POST /scale` | `{ workers }` | `{ workers }` |
 * | `POST /hand-over` | | `HandOverResult`; 409 when there is no successor |
 * | `GET /balancers` | | `{ balancers }`: a `BalancerIntroduction` of each that has joined |
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
  readonly #metrics: ManagerMetrics
  readonly #socket: HealingSocket<Bun.Server<undefined>>
  readonly #timer: ReturnType<typeof setInterval>
  #closing: Promise<void> | undefined

  constructor(options: ControlServerOptions) {
    this.#history = new EventHistory(options.manager)
    this.#metrics = options.metrics ?? new ManagerMetrics(options.manager)
    const routes = routesOf(options, this.#history, this.#metrics)
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
    this.#metrics[Symbol.dispose]()
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
