/** Commands that become a server, with signals that mean something to it. */
const SERVING: ReadonlySet<string> = new Set(['start', 'dev', 'manager'])

/**
 * Keeps signals for a server from ending the process that is about to become one: it starts with what is there now, so
 * they ask for nothing more. A hang-up is one of them where no terminal shows what is said.
 */
export function surviveEarlySignals(command: string): void {
  if (!SERVING.has(command)) return
  const isShown = process.stdout.isTTY || process.stderr.isTTY
  const signals: readonly NodeJS.Signals[] = ['SIGUSR1', 'SIGUSR2']
  for (const signal of isShown || command === 'dev' ? signals : [...signals, 'SIGHUP' as const])
    process.on(signal, () => {})
}
