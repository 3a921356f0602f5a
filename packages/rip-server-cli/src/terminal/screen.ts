import { ansiLine, lineCells, type StyledLine } from './styled-line.ts'

/** The size of a terminal in cells. */
export interface ScreenSize {
  readonly columns: number
  readonly rows: number
}

export interface ScreenOptions {
  /** Called once per frame. */
  readonly write: (bytes: string) => void
  /** Whether colours may be used. */
  readonly colored: boolean
}

/**
 * The alternate screen with the cursor hidden and without line wrap, so that a character that is wider than expected does not
 * move the rest (DEC private modes 1049, 25, 7).
 */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l'
/**
 * Undoes everything that `ENTER` and a frame that was cut off may have left. A terminal without an alternate screen, such as the
 * console of Linux, gets an empty last row for what comes next.
 */
const LEAVE = '\u001b[?2026l\u001b[0m\u001b[9999;1H\u001b[K\u001b[?7h\u001b[?25h\u001b[?1049l'
/** Synchronized output: the terminal shows what is between them at once; one that does not know the mode ignores it. */
const BEGIN = '\u001b[?2026h'
const END = '\u001b[?2026l'
const ERASE_LINE = '\u001b[K'
const ERASE_BELOW = '\u001b[J'

/** A whole terminal, of which rows are replaced: only those that changed are sent, all of a frame in one write. */
export class Screen {
  readonly #write: (bytes: string) => void
  readonly #colored: boolean
  #shown: readonly string[] = []
  #size: ScreenSize | undefined
  #isEntered = false

  constructor({ write, colored }: ScreenOptions) {
    this.#write = write
    this.#colored = colored
  }

  /** Whether the terminal shows frames. */
  get isEntered(): boolean {
    return this.#isEntered
  }

  enter(): void {
    if (this.#isEntered) return
    this.#isEntered = true
    this.#size = undefined
    this.#write(ENTER)
  }

  /** Gives the terminal back as it was. Idempotent. */
  leave(): void {
    if (!this.#isEntered) return
    this.#isEntered = false
    this.#write(LEAVE)
  }

  /** Sends everything with the next frame: what the terminal shows is not known any more. */
  forget(): void {
    this.#size = undefined
  }

  /** Shows these rows from the top; those that do not fit are left out. */
  draw(lines: readonly StyledLine[], size: ScreenSize): void {
    if (!this.#isEntered) return
    const isKnown = this.#size?.columns === size.columns && this.#size.rows === size.rows
    const before = isKnown ? this.#shown : []
    const visible = lines.slice(0, size.rows)
    const next = visible.map((line) => this.#row(line, size.columns))
    const changes = next.flatMap((row, at) => (row === before[at] ? [] : [`${cursorTo(at)}${row}`]))
    const isShorter = !isKnown || next.length < before.length
    if (isShorter && next.length < size.rows) changes.push(`${cursorTo(next.length)}${ERASE_BELOW}`)
    this.#shown = next
    this.#size = size
    if (changes.length > 0) this.#write(`${BEGIN}${changes.join('')}${END}`)
  }

  /** In a full row the cursor stays on the last cell, which must not be erased. */
  #row(line: StyledLine, columns: number): string {
    const isFull = line.isMarked === true || lineCells(line) >= columns
    return ansiLine(line, columns, this.#colored) + (isFull ? '' : ERASE_LINE)
  }
}

/** @param row from 0 on */
function cursorTo(row: number): string {
  return `\u001b[${row + 1};1H`
}
