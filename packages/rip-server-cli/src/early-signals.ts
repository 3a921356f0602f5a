/** Commands that become a server, with signals that mean something to it. */
export const SERVING: ReadonlySet<string> = new Set(['start', 'dev', 'manager'])

/**
 * Keeps signals such as a request to reload from ending a process that is about to become a server. It may ignore them,
 * because it starts with the code on disk anyway. A hang-up is one of them when no terminal shows the output.
 */
export function surviveEarlySignals(command: string): void {
  if (!SERVING.has(command)) return
  const isShown = process.stdout.isTTY || process.stderr.isTTY
  const signals: readonly NodeJS.Signals[] = ['SIGUSR1', 'SIGUSR2']
  for (const signal of isShown || command === 'dev' ? signals : [...signals, 'SIGHUP' as const])
    process.on(signal, () => {})
}
