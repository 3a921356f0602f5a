import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder that is removed with everything in it when disposed. */
export class TempFolder implements Disposable {
  readonly path: string = realpathSync(mkdtempSync(join(tmpdir(), 'rip-lb-')))

  file(name: string): string {
    return join(this.path, name)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** A backend on a Unix socket that answers with its name, or as told. */
export class TestBackend implements AsyncDisposable {
  readonly socket: string
  requests = 0
  private readonly server: { stop(force: boolean): Promise<void> }

  constructor(socket: string, answer: (request: Request) => Response | Promise<Response>) {
    this.socket = socket
    this.server = Bun.serve({
      unix: socket,
      fetch: (request) => {
        this.requests++
        return answer(request)
      },
    })
  }

  get address(): string {
    return `unix:${this.socket}`
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server.stop(true)
  }
}

/** A backend that answers with its name. */
export function named(folder: TempFolder, name: string): TestBackend {
  return new TestBackend(folder.file(`${name}.sock`), () => new Response(name))
}
