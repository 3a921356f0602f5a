import { BYTES_HEADER, CONTROL_VERSION, type ControlFailure, VERSION_HEADER } from './protocol.ts'

const version = { [VERSION_HEADER]: String(CONTROL_VERSION) }

/** An answer of this version of the protocol. */
export function json(body: object, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json(body, { status, headers: { ...version, ...headers } })
}

/** The text format of Prometheus. */
export function metricsText(body: string): Response {
  return new Response(body, { headers: { ...version, 'content-type': 'text/plain; version=0.0.4' } })
}

export function failure(
  status: number,
  code: ControlFailure['error']['code'],
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return json({ error: { code, message } } satisfies ControlFailure, status, headers)
}

export interface Lines {
  readonly next: () => Promise<IteratorResult<object, unknown>>
  readonly cancel: () => void
}

/** One object a line, as they come. */
export function linesOf({ next, cancel }: Lines): Response {
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

/** So many bytes, in parts as they come; a body that is shorter was cut off. */
export function bytesOf(bytes: number, parts: AsyncIterator<Uint8Array>, cancel: () => void): Response {
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await parts.next()
      if (done === true) controller.close()
      else controller.enqueue(value)
    },
    cancel,
  })
  const headers = { ...version, [BYTES_HEADER]: String(bytes), 'content-type': 'application/octet-stream' }
  return new Response(body, { headers })
}
