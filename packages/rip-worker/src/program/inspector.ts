import { heapStats } from 'bun:jsc'
import { reasonOf } from '../errors.ts'
import { setTimeout } from '../own-timers.ts'
import {
  type InspectionKind,
  type MemoryFigures,
  PART_BYTES,
  type SupervisorMessage,
  type WorkerMessage,
} from '../protocol.ts'

/** What concerns the inspector. */
export type InspectionOrder = Extract<SupervisorMessage, { readonly type: 'inspect' | 'send-part' }>

/** Most types that are named. */
const MAX_TYPES = 100
const SAMPLE_MICROSECONDS = 1_000
/** A result that is not fetched in this time is forgotten, as it may be large. */
const FORGET_MS = 60_000

interface Result {
  readonly order: number
  readonly bytes: Uint8Array
  sent: number
}

/** Looks at this process for its supervisor, which fetches what came of it piece by piece. Writes no files. */
export class Inspector {
  readonly #send: (answer: WorkerMessage) => void
  #order = 0
  #result: Result | undefined
  #forgetting: NodeJS.Timeout | undefined

  constructor(send: (answer: WorkerMessage) => void) {
    this.#send = send
  }

  async obey(message: InspectionOrder): Promise<void> {
    if (message.type === 'send-part') return this.#sendPart(message.order)
    const { order, kind, forMs } = message
    this.#order = order
    this.#forget()
    try {
      const bytes = await look(kind, forMs)
      if (this.#order !== order) return
      this.#result = { order, bytes, sent: 0 }
      this.#forgetLater()
      this.#send({ type: 'inspected', order, bytes: bytes.byteLength })
    } catch (error) {
      this.#send({ type: 'not-inspected', order, reason: reasonOf(error) })
    }
  }

  #sendPart(order: number): void {
    const result = this.#result
    if (result === undefined || result.order !== order)
      return this.#send({ type: 'not-inspected', order, reason: 'what was found was not fetched in time' })
    const part = result.bytes.subarray(result.sent, result.sent + PART_BYTES)
    result.sent += part.byteLength
    if (result.sent >= result.bytes.byteLength) this.#forget()
    else this.#forgetLater()
    this.#send({ type: 'part', order, base64: part.toBase64() })
  }

  #forgetLater(): void {
    clearTimeout(this.#forgetting)
    this.#forgetting = setTimeout(() => this.#forget(), FORGET_MS)
    this.#forgetting.unref()
  }

  #forget(): void {
    clearTimeout(this.#forgetting)
    this.#result = undefined
  }
}

async function look(kind: InspectionKind, forMs: number): Promise<Uint8Array> {
  if (kind === 'cpu') return encoded(await cpuProfile(forMs))
  if (kind === 'memory') return encoded(memoryFigures())
  return new Uint8Array(Bun.generateHeapSnapshot('v8', 'arraybuffer'))
}

function encoded(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

function memoryFigures(): MemoryFigures {
  Bun.gc(true)
  const { heapSize, extraMemorySize, objectCount, objectTypeCounts } = heapStats()
  return {
    rssBytes: process.memoryUsage.rss(),
    heapBytes: heapSize,
    outsideBytes: extraMemorySize,
    objects: objectCount,
    types: Object.fromEntries(
      Object.entries(objectTypeCounts)
        .toSorted(([, a], [, b]) => b - a)
        .slice(0, MAX_TYPES),
    ),
  }
}

/** The profile in the form of V8. */
async function cpuProfile(forMs: number): Promise<object> {
  const { Session } = await import('node:inspector/promises')
  const session = new Session()
  session.connect()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS })
    await session.post('Profiler.start')
    await new Promise((resolve) => setTimeout(resolve, forMs))
    return (await session.post('Profiler.stop')).profile
  } finally {
    session.disconnect()
  }
}
