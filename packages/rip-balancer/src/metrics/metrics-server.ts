import type { TcpAddress } from '../config/address.ts'
import { listenFailure } from '../errors.ts'

/** Format 0.0.4 of the Prometheus text exposition. */
export const METRICS_TYPE = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }

/** `GET /metrics` over TCP, and nothing else, on an address of its own. */
export class MetricsServer implements AsyncDisposable {
  private readonly address: TcpAddress
  private readonly render: () => string | Promise<string>
  private server: Bun.Server<undefined> | undefined

  /** @param render Prometheus text */
  constructor(address: TcpAddress, render: () => string | Promise<string>) {
    this.address = address
    this.render = render
  }

  /** `http://HOST:PORT/metrics`; empty before the start. */
  get url(): string {
    return this.server === undefined ? '' : new URL('/metrics', this.server.url).href
  }

  /** @throws `ADDRESS_IN_USE`, `LISTEN_FAILED` */
  start(): void {
    const { host, port } = this.address
    try {
      this.server = Bun.serve({
        hostname: host,
        port,
        maxRequestBodySize: 0,
        fetch: (request) => this.answer(request),
        // Two processes on one port would each answer with half of the figures.
        reusePort: false,
      })
    } catch (error) {
      const text = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
      throw listenFailure(text, error)
    }
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.server?.stop(true)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private async answer({ method, url }: Request): Promise<Response> {
    if (new URL(url).pathname !== '/metrics')
      return new Response('metrics are at /metrics\n', { status: 404 })
    if (method !== 'GET' && method !== 'HEAD')
      return new Response('ask with GET\n', { status: 405, headers: { allow: 'GET, HEAD' } })
    return new Response(await this.render(), { headers: METRICS_TYPE })
  }
}
