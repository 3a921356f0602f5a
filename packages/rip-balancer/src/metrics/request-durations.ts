import type { ExchangeRecord } from '../exchange/record.ts'
import { COUNTED_METHODS } from '../http1/method-number.ts'
import { Histogram } from './histogram.ts'

/** Bounds of `rip_request_seconds`, in seconds. */
export const BUCKET_SECONDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]
/** Bounds that the stable conventions of OpenTelemetry advise for `http.server.request.duration`. */
const CONVENTIONAL_SECONDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]
/** A request is put into one bucket, whichever of the two is shown. */
const ALL_SECONDS: readonly number[] = [...new Set([...BUCKET_SECONDS, ...CONVENTIONAL_SECONDS])].toSorted(
  (a, b) => a - b,
)

/**
 * Combinations of method, scheme and status that are counted apart. Clients choose methods and can provoke statuses:
 * further ones are counted by the class of the status, such as `4xx`, and without their method.
 */
const MAX_COMBINATIONS = 32
const STATUSES = 1_000

interface Combination {
  readonly labels: string
  readonly histogram: Histogram
}

/**
 * How long requests took, by method, scheme and status. Of a tunnel or an event stream it is how long it took to begin: how long a
 * client stays says nothing about the server.
 */
export class RequestDurations {
  private readonly combinations = new Map<number, Combination>()
  private readonly rest = new Map<string, Combination>()
  private lastKey = -1
  private last: Histogram | undefined

  count(record: ExchangeRecord): void {
    const { status } = record
    const scheme = record.scheme === 'https' ? 1 : 0
    const key = (record.methodNumber * 2 + scheme) * STATUSES + status
    // Most requests are like the one before.
    if (key !== this.lastKey || this.last === undefined) {
      this.last = this.histogramOf(key, record)
      this.lastKey = key
    }
    this.last.observe(record.held ? record.queueMs + record.responseMs : record.totalMs)
  }

  /** Of all requests together. */
  totalLines(name: string): string[] {
    const total = new Histogram(ALL_SECONDS)
    for (const { histogram } of this.all()) total.add(histogram)
    return total.lines(name, '', BUCKET_SECONDS)
  }

  /** As the conventions of OpenTelemetry have them. */
  conventionalLines(name: string): string[] {
    return this.all().flatMap(({ histogram, labels }) => histogram.lines(name, labels, CONVENTIONAL_SECONDS))
  }

  private all(): Combination[] {
    return [...this.combinations.values(), ...this.rest.values()]
  }

  private histogramOf(key: number, { methodNumber, scheme, status }: ExchangeRecord): Histogram {
    const known = this.combinations.get(key)
    if (known !== undefined) return known.histogram
    const method = COUNTED_METHODS[methodNumber] ?? COUNTED_METHODS[0]
    if (this.combinations.size < MAX_COMBINATIONS)
      return added(this.combinations, key, labelsOf(method, String(status), scheme))
    const labels = labelsOf(COUNTED_METHODS[0], `${Math.floor(status / 100)}xx`, scheme)
    return this.rest.get(labels)?.histogram ?? added(this.rest, labels, labels)
  }
}

function labelsOf(method: string, status: string, scheme: string): string {
  return `http_request_method="${method}",http_response_status_code="${status}",url_scheme="${scheme}"`
}

function added<K>(combinations: Map<K, Combination>, key: K, labels: string): Histogram {
  const histogram = new Histogram(ALL_SECONDS)
  combinations.set(key, { labels, histogram })
  return histogram
}
