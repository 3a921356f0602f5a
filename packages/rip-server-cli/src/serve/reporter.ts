import type { Manager, ManagerEvent } from '@rip/manager'
import type { Terminal } from '../terminal/terminal.ts'
import { eventLine } from './event-line.ts'

export interface ReporterOptions {
  readonly terminal: Terminal
  readonly verbose: boolean
  /** Every event as a line of JSON on stdout, instead of words. */
  readonly json: boolean
}

/** Tells what the manager does from now on, one line per event worth one. */
export async function reportEvents(
  manager: Pick<Manager, 'events' | 'snapshot'>,
  options: ReporterOptions,
): Promise<void> {
  for await (const event of manager.events()) report(event, manager.snapshot.generation, options)
}

function report(
  event: ManagerEvent,
  serving: string | null,
  { terminal, verbose, json }: ReporterOptions,
): void {
  if (json) return terminal.data(JSON.stringify(event))
  const line = eventLine(event, { terminal, verbose, serving })
  if (line !== undefined) terminal.say(line)
}
