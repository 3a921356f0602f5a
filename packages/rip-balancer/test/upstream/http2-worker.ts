import type { BackendConfig } from '../../src/config/config.ts'
import type { TempFolder } from '../servers.ts'

/** What a worker of the test does with a request. */
export type Answer = (request: Request) => Response | Promise<Response>

/** A server that speaks HTTP/1.1 and HTTP/2 on one Unix socket, as a worker does. */
export class Http2Worker implements AsyncDisposable {
  readonly socket: string
  requests = 0
  private readonly server: { stop(force: boolean): Promise<void> }

  constructor(folder: TempFolder, name: string, answer: Answer) {
    this.socket = folder.file(`${name}.sock`)
    // The types know neither option for a server on a Unix socket.
    const options: object = {
      unix: this.socket,
      http2: true,
      idleTimeout: 0,
      fetch: (request: Request) => {
        this.requests++
        return answer(request)
      },
    }
    this.server = Bun.serve(options as Bun.Serve.Options<undefined>)
  }

  get backend(): BackendConfig {
    return { address: `unix:${this.socket}`, http2: true }
  }

  /** Takes nothing new; what it does is completed. */
  stop(): Promise<void> {
    return this.server.stop(false)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server.stop(true)
  }
}
