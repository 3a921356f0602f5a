import type { Outcome } from '../pool/claim.ts'

/** The same response with other fields; calls back exactly once, when its body has ended, failed or was given up. */
export function whenConsumed(
  response: Response,
  headers: Headers,
  ended: (outcome: Outcome) => void,
): Response {
  const { status, statusText, body } = response
  if (body === null) {
    ended('ok')
    return new Response(null, { status, statusText, headers })
  }
  return new Response(observed(body, ended), { status, statusText, headers })
}

function observed(body: ReadableStream<Uint8Array>, ended: (outcome: Outcome) => void): ReadableStream {
  const reader = body.getReader()
  // Giving up while a read is under way ends that read, too: the first of the two counts.
  let over = false
  const end = (outcome: Outcome): void => {
    if (!over) ended(outcome)
    over = true
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (!done) return controller.enqueue(value)
          end('ok')
          controller.close()
        } catch (error) {
          end('reset')
          controller.error(error)
        }
      },
      async cancel(reason) {
        end('client-gone')
        await reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
