import type { ChildLine } from '@rip/manager'

/** As much as is kept of what one process writes before it is ready. */
const MAX_HELD_CHARS = 262_144

export interface ChildOutputOptions {
  /** The balancer's access log: whole lines, as a collector of logs wants them. */
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
 * Decides when a line of a child process is printed. What a worker writes to standard error appears once it is
 * ready: of one that never gets ready, the refusal shows it, and showing it twice would hide the cause.
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

  /** The worker serves: what it wrote so far is printed, and from now on at once. */
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

/** The last lines are kept: they are the nearest to what happens next. */
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
