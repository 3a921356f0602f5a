import { Load as OpenLoad, type LoadOutcome, RequestFailure } from '@rip/testing'

export interface LoadOptions {
  readonly url: string
  readonly path: string
  readonly perSecond: number
  /** Body of every third request, which is then a POST; the answer's `body` must be its length. @default only GET */
  readonly post?: string
}

export interface Load {
  /** Number of requests sent so far. */
  readonly sent: number
  /** Stops sending, and reports when every request has ended. */
  stop(): Promise<LoadReport>
}

export interface LoadReport {
  /** One sentence per request without a complete answer of status 200. */
  readonly failures: readonly string[]
  /** Bodies of the answers, parsed as JSON, in the order of arrival. */
  readonly answers: readonly Record<string, unknown>[]
}

/** Open-loop load on one path of an application that answers with JSON, half of it on kept connections. */
export function startLoad({ url, path, perSecond, post }: LoadOptions): Load {
  const body = post === undefined ? undefined : Buffer.from(post)
  const failures: string[] = []
  const answers: Record<string, unknown>[] = []
  const onOutcome = ({ request, failure, reason, answer }: LoadOutcome): void => {
    if (failure === undefined && answer !== undefined) answers.push(jsonOf(answer.body))
    else failures.push(`${request.keepAlive ? 'kept' : 'fresh'}: ${failure}: ${reason}`)
  }
  const load = new OpenLoad({
    port: Number(new URL(url).port),
    ratePerSecond: perSecond,
    onOutcome,
    traffic: {
      request(n) {
        const keepAlive = n % 2 === 0
        if (body === undefined || n % 3 !== 0) return { method: 'GET', path, keepAlive }
        return { method: 'POST', path, body, keepAlive }
      },
      check(request, answer) {
        const told = jsonOf(answer.body)
        if (request.body !== undefined && told['body'] !== request.body.length)
          throw new RequestFailure('checksum', `the body was lost: ${String(told['body'])}`)
      },
    },
  })
  load.start()
  return {
    get sent() {
      return load.sent
    },
    async stop() {
      await load.stop()
      return { failures, answers }
    },
  }
}

function jsonOf(body: Buffer): Record<string, unknown> {
  return JSON.parse(body.toString()) as Record<string, unknown>
}
