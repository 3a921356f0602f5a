import type { Manager, ManagerEvent, Refusal } from '@rip/manager'
import type { Terminal } from '../terminal/terminal.ts'
import { eventLine } from './event-line.ts'

export interface ReporterOptions {
  readonly terminal: Terminal
  readonly verbose: boolean
  /** Every event as a line of JSON on stdout, instead of words. */
  readonly json: boolean
  /** Whether the first generation serves. Until then a failure ends the program with one message of its own. */
  readonly serves: () => boolean
}

/** Tells what the manager does from now on, one line per event worth one. */
export async function reportEvents(
  manager: Pick<Manager, 'events' | 'snapshot'>,
  options: ReporterOptions,
): Promise<void> {
  let refused: Refusal | undefined
  for await (const event of manager.events()) {
    // Asked again, the same content is refused again: the reason was told.
    if (event.type === 'generation-refused' && isSame(event.refusal, refused) && !options.json) continue
    if (event.type === 'generation-refused') refused = event.refusal
    report(event, manager.snapshot.generation, options)
  }
}

function isSame(refusal: Refusal, before: Refusal | undefined): boolean {
  return refusal.generation === before?.generation && refusal.message === before.message
}

function report(event: ManagerEvent, serving: string | null, options: ReporterOptions): void {
  const { terminal, verbose, json, serves } = options
  if (json) return terminal.data(JSON.stringify(event))
  if (!serves() && !verbose && event.type !== 'warning') return
  const line = eventLine(event, { terminal, verbose, serving })
  if (line !== undefined) terminal.say(line)
}
