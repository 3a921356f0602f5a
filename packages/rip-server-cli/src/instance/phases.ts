import type { ControlClient, ManagerEvent } from '@rip/manager'
import { shortGeneration } from '../terminal/event-line.ts'
import type { Terminal } from '../terminal/terminal.ts'

/** Shows what a server does, in the last line of the terminal, until it is disposed. Does nothing without a terminal. */
export function tellPhases(
  terminal: Pick<Terminal, 'busy'>,
  client: Pick<ControlClient, 'events'>,
): Disposable | undefined {
  if (terminal.busy === undefined) return undefined
  const abort = new AbortController()
  void showPhases(terminal, client, abort.signal)
  return { [Symbol.dispose]: () => abort.abort() }
}

async function showPhases(
  terminal: Pick<Terminal, 'busy'>,
  client: Pick<ControlClient, 'events'>,
  signal: AbortSignal,
): Promise<void> {
  let shown: Disposable | undefined
  const drop = (): void => shown?.[Symbol.dispose]()
  signal.addEventListener('abort', drop, { once: true })
  try {
    for await (const event of client.events({ signal })) {
      const text = phaseText(event)
      if (text === undefined || signal.aborted) continue
      drop()
      shown = terminal.busy?.(text)
    }
  } catch {
    // The server has gone, as after a stop: the command itself says so.
  }
}

/** What a server does next, as far as an event tells that. */
export function phaseText(event: ManagerEvent): string | undefined {
  switch (event.type) {
    case 'generation-building':
      return `building ${shortGeneration(event.generation)}`
    case 'worker-started':
      return `starting w${event.slot}`
    case 'worker-ready':
      return `w${event.slot} is ready`
    case 'generation-cut':
      return `${shortGeneration(event.generation)} serves`
    case 'stopping':
      return 'stopping: requests finish'
    default:
      return undefined
  }
}
