import type { AccessLogFormat } from '@rip/balancer'
import type { LogFormat } from '../output/log-record.ts'
import type { Settings } from '../settings/settings.ts'

/** What is used of a line of the access log. */
interface RequestRecord {
  readonly at: string
  readonly id: string
  readonly method: string
  readonly target: string
  readonly status: number
  readonly outcome: string
  readonly totalMs: number
}

/** Whether each request is printed, as the settings say or as a developer has asked since: then in the words of a terminal. */
export class RequestLines {
  readonly #isJson: boolean
  #asked: boolean | undefined

  /** @param format of the lines of workers, beside which these are printed */
  constructor(format: LogFormat) {
    this.#isJson = format === 'json'
  }

  /** Whatever the settings say from now on. */
  print(asked: boolean): void {
    this.#asked = asked
  }

  arePrinted(settings: Settings): boolean {
    return this.#asked ?? formatOf(settings) !== 'none'
  }

  /** The settings with what was asked for. */
  applied(settings: Settings): Settings {
    if (this.#asked === undefined || this.#asked === (formatOf(settings) !== 'none')) return settings
    return { ...settings, accessLog: this.#asked ? 'json' : 'none' }
  }

  /** A line of the access log as it is printed. */
  shown(line: string, settings: Settings): string {
    if (this.#isJson || this.#asked !== true || formatOf(settings) !== 'none') return line
    // Another line says how many are lost.
    return line.includes('"totalMs":') ? requestText(JSON.parse(line) as RequestRecord) : line
  }
}

/** How requests are printed; those that are written to a file are not. */
function formatOf({ accessLog, balancer }: Settings): AccessLogFormat {
  if (accessLog !== undefined) return accessLog
  const { accessLog: given = 'none' } = balancer
  if (typeof given === 'string') return given
  return given.file === undefined ? (given.format ?? 'none') : 'none'
}

function requestText({ at, id, method, target, status, outcome, totalMs }: RequestRecord): string {
  const time = new Date(at).toTimeString().slice(0, 8)
  const failed = outcome === 'completed' && status < 500 ? '' : ` ${outcome} (rip-server trace ${id})`
  return `${time} ${method} ${target} ${status} in ${totalMs.toFixed(1)} ms${failed}`
}
