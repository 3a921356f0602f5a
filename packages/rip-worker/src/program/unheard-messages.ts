/**
 * Lets programs that were written for pm2 or `node:cluster` tell a parent process that they are ready, which would be an
 * exception without a channel to it. Nobody hears it: a worker says by itself when it is ready.
 */
export function takeUnheardMessages(): void {
  if (typeof process.send === 'function') return
  process.send = (_message: unknown, ...rest: readonly unknown[]): boolean => {
    const sent = rest.at(-1)
    if (typeof sent === 'function') queueMicrotask(() => void sent(null))
    return true
  }
}
