import type { IncomingMessage, ServerResponse } from 'node:http'
import { pathOf } from '../pages/request-head.ts'
import { type StaticAnswer, type StaticBody, StaticFiles, type StaticFilesOptions } from './static-files.ts'

export interface StaticResponderOptions extends StaticFilesOptions {
  /** Whether there is no application: then what a browser navigates to gets the page of a single-page application. */
  readonly isAll: boolean
  /** Whether connections are to be closed after their response. */
  readonly isDraining: () => boolean
}

/** Answers requests for files before the application sees them. */
export class StaticResponder {
  readonly #files: StaticFiles
  readonly #options: StaticResponderOptions
  #requests = 0

  constructor(options: StaticResponderOptions) {
    this.#options = options
    this.#files = new StaticFiles(options)
  }

  /** Requests answered with a file since the start. */
  get requests(): number {
    return this.#requests
  }

  /** The response of `Bun.serve`; `undefined` leaves the request to the application. */
  respond(request: Request): Response | undefined {
    const { method, headers } = request
    const answer = this.#answer(method, pathOf(request), (name) => headers.get(name))
    return answer && toResponse(answer, headers.has('range'))
  }

  /** Sends the response of `node:http`; false leaves the request to the application. */
  send({ method = '', url = '', headers }: IncomingMessage, response: ServerResponse): boolean {
    const answer = this.#answer(method, url, (name) => headers[name]?.toString())
    if (answer === undefined) return false
    response.writeHead(answer.status, { ...answer.headers })
    if (answer.body === undefined) response.end()
    else void sendBody(answer.body, response)
    return true
  }

  #answer(
    method: string,
    target: string,
    field: (name: string) => string | null | undefined,
  ): StaticAnswer | undefined {
    const answer =
      this.#files.answer(method, target, field) ??
      (this.#options.isAll ? this.#files.answerNavigation(method, field) : undefined)
    if (answer === undefined) return undefined
    this.#requests++
    if (!this.#options.isDraining()) return answer
    return { ...answer, headers: { ...answer.headers, connection: 'close' } }
  }
}

function toResponse({ status, headers, body }: StaticAnswer, isRanged: boolean): Response {
  return new Response(body === undefined ? null : bodyOf(body, isRanged), { status, headers })
}

/** Bun cuts a file to the range of the request by itself, without looking at `If-Range`. */
function bodyOf({ file, start, end, isWhole }: StaticBody, isRanged: boolean): Blob | ReadableStream {
  const part = Bun.file(file).slice(start, end)
  return isWhole && isRanged ? part.stream() : part
}

async function sendBody({ file, start, end }: StaticBody, response: ServerResponse): Promise<void> {
  if (start === end) return void response.end()
  const { createReadStream } = await import('node:fs')
  const { pipeline } = await import('node:stream')
  // On an error the client has left, or the file is gone meanwhile: the connection is closed in either case.
  pipeline(createReadStream(file, { start, end: end - 1 }), response, () => {})
}
