import { randomBytes } from 'node:crypto'
import { checkAnswer, Load, type LoadOptions, RequestFailure, type Traffic } from '@rip/testing'

const TIMEOUT_MS = 15_000
const BODY_BYTES = 16_256

interface FaultLoadOptions extends Pick<LoadOptions, 'port' | 'ratePerSecond' | 'onOutcome'> {
  /** Number of connections to open beforehand and keep; with 0 every other request opens its own. */
  readonly keptConnections: number
}

/** Load on `backend.ts`; no two requests have the same target. */
export async function startLoad({ keptConnections, ...options }: FaultLoadOptions): Promise<Load> {
  const load = new Load({ ...options, timeoutMs: TIMEOUT_MS, traffic: trafficFor(keptConnections > 0) })
  await load.open(keptConnections)
  load.start()
  return load
}

/** A third are POSTs, one in fifty is a stream of half a second, other GETs are answered with their target. */
function trafficFor(keepsAll: boolean): Traffic {
  return {
    request(n) {
      const keepAlive = keepsAll || n % 2 !== 0
      if (n % 50 === 0) return { method: 'GET', path: `/stream?n=${n}`, keepAlive }
      if (n % 3 === 0)
        return { method: 'POST', path: `/echo?n=${n}`, body: randomBytes(BODY_BYTES), keepAlive }
      return { method: 'GET', path: `/?n=${n}`, keepAlive }
    },
    check(request, answer) {
      checkAnswer(request, answer)
      if (request.path.startsWith('/?') && answer.body.toString() !== request.path)
        throw new RequestFailure('checksum', 'another answer')
    },
  }
}
