import type { Manager, ManagerEvent, ManagerHealth, Refusal } from '@rip/manager'
import type { Terminal } from './terminal.ts'
import { eventLine, plainEvent } from './event-line.ts'
import { CONTINUED_INDENT, folded } from './folded.ts'

export interface ReporterOptions {
  readonly terminal: Terminal
  readonly verbose: boolean
  /** Whether to print every event as a line of JSON on stdout, instead of text. */
  readonly json: boolean
  /** Whether the first generation serves. Until then a failure ends the program with one message of its own. */
  readonly serves: () => boolean
}

/**
 * Prints the manager's events from now on, one line for each that matters to an operator. Resolves when it has stopped.
 */
export async function reportEvents(
  manager: Pick<Manager, 'events' | 'status'>,
  options: ReporterOptions,
): Promise<void> {
  const reporter = new Reporter(options)
  for await (const event of manager.events()) {
    try {
      reporter.report(event, manager.status.generation)
    } catch (error) {
      // An event that cannot be printed must not end the server.
      options.terminal.complain(`the event ${event.type} cannot be told: ${String(error)}`)
    }
  }
}

/** An event as a line among those of workers, with `time` and `message` as they have. */
function eventJson(event: ManagerEvent): string {
  const time = new Date(event.atMs).toISOString()
  return JSON.stringify({ time, message: plainEvent(event), ...event })
}

/** The save that is printed of those that overtake each other. */
const TOLD_OVERTAKEN = 3

/** The time of day here: others put their own time before the lines that they collect. */
function timeText(atMs: number): string {
  const time = new Date(atMs)
  const parts = [time.getHours(), time.getMinutes(), time.getSeconds()]
  return parts.map((part) => String(part).padStart(2, '0')).join(':')
}

/** What follows the first line is quoted: code, or what a process has written. */
function withHeadFolded(text: string, columns: number | undefined): string {
  const [head = '', ...quoted] = text.split('\n')
  return [folded(head, columns, CONTINUED_INDENT), ...quoted].join('\n')
}

/** A worker of code that is not to serve yet did not start: its refusal tells why. */
function isTriedInVain(event: ManagerEvent): boolean {
  if (event.type !== 'worker-exited' || event.respawnInMs !== undefined) return false
  return event.reason.kind === 'boot-failed' || event.reason.kind === 'boot-timeout'
}

class Reporter {
  readonly #options: ReporterOptions
  #refused: Refusal | undefined
  /** How many saves in a row were overtaken by a later one. */
  #overtaken = 0
  #trouble: 'crash-loop' | 'failing' | undefined

  constructor(options: ReporterOptions) {
    this.#options = options
  }

  report(event: ManagerEvent, serving: string | null): void {
    const { terminal, json, verbose } = this.#options
    if (json) return terminal.data(eventJson(event))
    const isRepair = event.type === 'generation-unchanged' && this.#refused !== undefined
    if (!verbose && !this.#isNews(event)) return
    const time = terminal.interactive ? `${timeText(event.atMs)} ` : ''
    const columns = terminal.columns === undefined ? undefined : terminal.columns - time.length
    const line = eventLine(event, { terminal, verbose, serving, columns, isRepair })
    if (line !== undefined) terminal.say(`${terminal.faint(time)}${withHeadFolded(line, columns)}`)
  }

  #isNews(event: ManagerEvent): boolean {
    if (!this.#options.serves()) return event.type === 'warning' || event.type === 'condemned-found'
    if (isTriedInVain(event)) return false
    if (event.type === 'generation-refused') return this.#isNewRefusal(event.refusal)
    if (event.type === 'generation-cut' || event.type === 'generation-unchanged') {
      this.#refused = undefined
      this.#overtaken = 0
    }
    return event.type !== 'health' || this.#isNewHealth(event.health)
  }

  /**
   * False when the same content is refused again, because the reason was printed before. That one save overtakes another is how
   * editors save several files; when that goes on, it is printed once, because then nothing new comes to serve.
   */
  #isNewRefusal(refusal: Refusal): boolean {
    const before = this.#refused
    this.#refused = refusal
    if (refusal.code === 'superseded') return (this.#overtaken += 1) === TOLD_OVERTAKEN
    this.#overtaken = 0
    return refusal.generation !== before?.generation || refusal.message !== before.message
  }

  /**
   * Whether to print a change of health: not for a worker that is being replaced, but for a crash loop, for answers that
   * fail, and for their end.
   */
  #isNewHealth(health: ManagerHealth): boolean {
    const before = this.#trouble
    if (health === 'crash-loop' || health === 'failing') this.#trouble = health
    if (health === 'ok') this.#trouble = undefined
    return this.#trouble !== before
  }
}
