import type { BalancerConfig } from '../config/config.ts'
import { DEFAULT_POOL } from '../defaults.ts'
import { BalancerError } from '../errors.ts'
import type { GenerationComparison } from '../metrics/lot-tally.ts'
import type { GenerationDrainReport } from '../pool/drains.ts'
import type {
  BackendDeclaration,
  BackendDrained,
  BalancerStatus,
  LeaveReport,
  RequestsReport,
} from './admin-protocol.ts'

export interface AdminClientOptions {
  /** Path of the admin socket. */
  readonly socket: string
  /** @default 'app' */
  readonly pool?: string
}

/** What it means that a socket cannot be connected to. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  FailedToOpenSocket: 'no process listens there',
  ECONNREFUSED: 'no process listens there',
  ConnectionRefused: 'no process listens there',
  EACCES: 'only its owner may connect',
}

/** Drives a balancer process over its admin socket. Every call throws `BalancerError` when it fails. */
export class AdminClient {
  readonly socket: string
  private readonly pool: string

  constructor(options: AdminClientOptions) {
    this.socket = options.socket
    this.pool = options.pool ?? DEFAULT_POOL
  }

  status(signal?: AbortSignal): Promise<BalancerStatus> {
    return this.call('GET', '/status', undefined, signal)
  }

  /** What is being answered, and how routes were answered lately. */
  requests(signal?: AbortSignal): Promise<RequestsReport> {
    return this.call('GET', '/requests', undefined, signal)
  }

  async metrics(signal?: AbortSignal): Promise<string> {
    return (await this.request('GET', '/metrics', undefined, signal)).text()
  }

  /** New connections are left to others; those open end with the request under way. */
  async stopAccepting(): Promise<void> {
    await this.call('POST', '/stop-accepting')
  }

  /**
   * Has the balancer finish what is under way and then end. Resolves when nothing is left, with what was aborted because it did
   * not finish in time.
   */
  leave(): Promise<LeaveReport> {
    return this.call('POST', '/leave')
  }

  /** Takes over another configuration, as SIGHUP does; resolves when it is in force. What needs a restart is refused. */
  async configure(config: BalancerConfig): Promise<void> {
    await this.call('PUT', '/config', config)
  }

  /** Replaces the backends, without generations. */
  async replace(backends: readonly BackendDeclaration[]): Promise<void> {
    await this.call('PUT', `/pools/${encodeURIComponent(this.pool)}`, { backends })
  }

  /** Declares the complete set of backends of a generation; acknowledged when routing was changed. */
  async prepare(generation: string, backends: readonly BackendDeclaration[]): Promise<void> {
    await this.call('POST', this.path('prepare'), { generation, backends })
  }

  /** Sends all new requests to the generation. */
  async cut(generation: string): Promise<void> {
    await this.call('POST', this.path('cut'), { generation })
  }

  /**
   * Has lots drawn between the generation that serves and this one, for `forMs` from this call on, and tells what came
   * of them so far.
   */
  compare(generation: string, forMs: number): Promise<GenerationComparison> {
    return this.call('POST', this.path('compare'), { generation, forMs })
  }

  /**
   * Resolves when nothing of the generation is in flight or held, after the time limit, or when the signal aborts: then with
   * what is in flight at that moment, and whatever was told the balancer about the generation since remains.
   */
  async drain(generation: string, timeoutMs: number, signal?: AbortSignal): Promise<GenerationDrainReport> {
    const startedAtMs = performance.now()
    try {
      return await this.call('POST', this.path('drain'), { generation, timeoutMs }, signal)
    } catch (error) {
      if (signal?.aborted !== true) throw error
      const abandoned = await this.leaving(generation)
      return { generation, abandoned, elapsedMs: performance.now() - startedAtMs }
    }
  }

  /** Requests, tunnels and event streams at backends of the generation that were taken out. */
  private async leaving(generation: string): Promise<number> {
    const { pools } = await this.status()
    const backends = pools.filter(({ name }) => name === this.pool).flatMap(({ backends }) => backends)
    return backends
      .filter((backend) => backend.state === 'leaving' && backend.generation === generation)
      .reduce((sum, { inFlight, tunnels, eventStreams }) => sum + inFlight + tunnels + eventStreams, 0)
  }

  /** The backend takes nothing new until it is undrained. @param by name of the caller, for the log */
  drainBackend(backend: string, by?: string): Promise<BackendDrained> {
    return this.call('POST', this.path('drain-backend'), { backend, by })
  }

  /** The backend takes requests again. */
  async undrainBackend(backend: string, by?: string): Promise<void> {
    await this.call('POST', this.path('undrain-backend'), { backend, by })
  }

  private path(verb: string): string {
    return `/pools/${encodeURIComponent(this.pool)}/${verb}`
  }

  private async call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    // The server of the same package answers with the type of the call.
    return (await (await this.request(method, path, body, signal)).json()) as T
  }

  private async request(
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<Response> {
    const response = await this.send(method, path, body, signal)
    if (response.ok) return response
    const { message } = (await response.json().catch(() => ({ message: response.statusText }))) as {
      message: string
    }
    throw new BalancerError('ADMIN_REFUSED', { status: response.status, message })
  }

  private async send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    try {
      return await fetch(`http://balancer${path}`, {
        method,
        unix: this.socket,
        keepalive: false,
        proxy: false,
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(signal && { signal }),
      })
    } catch (error) {
      signal?.throwIfAborted()
      const { code = '', message } = error as NodeJS.ErrnoException
      const reason = REASONS[code] ?? message
      throw new BalancerError(
        'ADMIN_UNREACHABLE',
        { address: `unix:${this.socket}`, reason },
        { cause: error },
      )
    }
  }
}
