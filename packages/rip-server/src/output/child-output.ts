import type { ChildLine } from '@rip/manager'

/** Longest output of one process that is kept before it is ready. */
const MAX_HELD_CHARS = 262_144

export interface ChildOutputOptions {
  /** Takes the balancer's access log in whole lines, as log collectors expect them. */
  readonly accessLine: (line: ChildLine) => void
  readonly warn: (message: string) => void
}

interface HeldLine {
  readonly chars: number
  readonly print: () => void
}

interface Held {
  readonly name: string
  readonly lines: HeldLine[]
  chars: number
  dropped: number
}

/**
 * Decides when a line of a child process is printed. What a worker writes to standard error is printed once it is
 * ready: if it never gets ready, the refusal shows it, and printing it twice would hide the cause.
 */
export class ChildOutput {
  readonly #options: ChildOutputOptions
  readonly #ready = new Set<number>()
  readonly #held = new Map<number, Held>()

  constructor(options: ChildOutputOptions) {
    this.#options = options
  }

  route(line: ChildLine, { pid, print }: { readonly pid: number; readonly print: () => void }): void {
    const { name, stream, text } = line
    if (name === 'balancer') return stream === 'stderr' ? print() : this.#options.accessLine(line)
    if (stream === 'stdout' || this.#ready.has(pid)) return print()
    const held = this.#held.get(pid) ?? { name, lines: [], chars: 0, dropped: 0 }
    this.#held.set(pid, held)
    hold(held, { chars: text.length, print })
  }

  /** The worker serves: prints what it wrote so far, and from now on prints lines at once. */
  ready(pid: number): void {
    this.#ready.add(pid)
    const held = this.#held.get(pid)
    if (held === undefined) return
    this.#held.delete(pid)
    if (held.dropped > 0) this.#options.warn(droppedText(held))
    for (const { print } of held.lines) print()
  }

  gone(pid: number): void {
    this.#ready.delete(pid)
    this.#held.delete(pid)
  }
}

/** Keeps the last lines, which are closest to the cause of a failure. */
function hold(held: Held, line: HeldLine): void {
  held.lines.push(line)
  held.chars += line.chars
  while (held.chars > MAX_HELD_CHARS && held.lines.length > 1) {
    held.chars -= held.lines.shift()!.chars
    held.dropped += 1
  }
}

function droppedText({ name, dropped }: Held): string {
  const lines = dropped === 1 ? '1 line' : `${dropped} lines`
  return `${name} wrote much to standard error before it was ready: the first ${lines} are not shown here; rip-server logs has more`
}
