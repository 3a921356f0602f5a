import type { ChildLine } from '@rip/manager'

/**
 * Decides when a line of a child process is printed. What a worker writes to standard error appears once it is
 * ready: of one that never gets ready, the refusal shows it, and showing it twice would hide the cause.
 */
export class ChildOutput {
  /** The balancer's access log: whole lines, as a collector of logs wants them. */
  readonly #accessLine: (line: string) => void
  readonly #ready = new Set<number>()
  readonly #held = new Map<number, (() => void)[]>()

  constructor(accessLine: (line: string) => void) {
    this.#accessLine = accessLine
  }

  route(
    { name, stream, text }: ChildLine,
    { pid, print }: { readonly pid: number; readonly print: () => void },
  ): void {
    if (name === 'balancer' && stream === 'stderr') return print()
    if (name === 'balancer') return text.startsWith('listening ') ? undefined : this.#accessLine(text)
    if (stream === 'stdout' || this.#ready.has(pid)) return print()
    const held = this.#held.get(pid) ?? []
    held.push(print)
    this.#held.set(pid, held)
  }

  /** The worker serves: what it wrote so far is printed, and from now on at once. */
  ready(pid: number): void {
    this.#ready.add(pid)
    for (const print of this.#held.get(pid) ?? []) print()
    this.#held.delete(pid)
  }

  gone(pid: number): void {
    this.#ready.delete(pid)
    this.#held.delete(pid)
  }
}
