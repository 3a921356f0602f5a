import { randomBytes } from 'node:crypto'
import { Load, type LoadOutcome, RequestFailure, type Traffic } from '@rip/testing'

export interface PatternLoadOptions {
  readonly port: number
  readonly ratePerSecond: number
  /** Whether one request in twenty is for 1.5 MB. */
  readonly large: boolean
}

/** The outcome of a request. */
export interface Sample {
  /** Milliseconds of `performance.now`. */
  readonly startedAtMs: number
  readonly tookMs: number
  /** The backend that answered. */
  readonly backend: string | undefined
  /** The reason, if it failed. */
  readonly failure: string | undefined
}

const LARGE_BYTES = 1_500_000

/** Requests at a fixed rate, a third of them POSTs, half on fresh connections. */
export class PatternLoad {
  readonly samples: Sample[] = []
  readonly #load: Load

  constructor({ port, ratePerSecond, large }: PatternLoadOptions) {
    const onOutcome = (outcome: LoadOutcome): void => void this.samples.push(sampleOf(outcome))
    this.#load = new Load({ port, ratePerSecond, traffic: trafficOf(large), onOutcome })
    this.#load.start()
  }

  /** Starts no further requests, and waits for running ones. */
  async stop(): Promise<void> {
    await this.#load.stop()
  }
}

/** Kinds of requests in an order that does not coincide with a round robin, and is the same for all. */
function trafficOf(large: boolean): Traffic {
  return {
    request(n) {
      const drawn = Bun.hash.xxHash32(String(n))
      const keepAlive = drawn % 2 !== 0
      if (large && drawn % 20 === 0) return { method: 'GET', path: `/bytes/${LARGE_BYTES}`, keepAlive }
      if (drawn % 3 === 0) return { method: 'POST', path: `/?n=${n}`, body: randomBytes(1_024), keepAlive }
      return { method: 'GET', path: `/?n=${n}`, keepAlive }
    },
    check({ path }, { body }) {
      const isWhole = path.startsWith('/bytes/')
        ? body.length === LARGE_BYTES
        : body.toString().endsWith(` ${path}`)
      if (!isWhole) throw new RequestFailure('checksum', 'another answer')
    },
  }
}

function sampleOf({ startedAt, endedAt, answer, failure }: LoadOutcome): Sample {
  return {
    startedAtMs: startedAt,
    tookMs: endedAt - startedAt,
    backend: answer?.headers.get('x-backend'),
    failure: failure === 'status' ? `status ${answer?.status}` : failure,
  }
}
