/** Sequences that terminals send for keys, without the escape (xterm and VT100 in both cursor modes, Linux console). */
const SEQUENCES: Readonly<Record<string, string>> = {
  '[A': 'up',
  '[B': 'down',
  '[C': 'right',
  '[D': 'left',
  OA: 'up',
  OB: 'down',
  OC: 'right',
  OD: 'left',
  '[H': 'home',
  '[F': 'end',
  OH: 'home',
  OF: 'end',
  '[1~': 'home',
  '[4~': 'end',
  '[7~': 'home',
  '[8~': 'end',
  '[5~': 'page-up',
  '[6~': 'page-down',
  '[3~': 'delete',
  '[Z': 'back-tab',
}
/** A control sequence from its introducer to its final byte, or a single shift with one character (ECMA-48 §5.4). */
const SEQUENCE = /^(?:\[[0-?]*[ -/]*[@-~]|O[A-Za-z])/
/** What may become a sequence with the next bytes. */
const BEGINNING = /^(?:\[[0-?]*[ -/]*|O)$/

const CONTROLS: Readonly<Record<string, string>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u0003': 'interrupt',
  '\u001a': 'suspend',
  '\u000c': 'redraw',
}

/** Reads keys from what a terminal in raw mode sends: a name for each, or the character itself. */
export class KeyReader {
  readonly #decoder = new TextDecoder()
  #rest = ''

  /** The keys that are complete. A lone escape may be the begin of a sequence: `settle` tells. */
  read(bytes: Uint8Array): string[] {
    this.#rest += this.#decoder.decode(bytes, { stream: true })
    return this.#take(false)
  }

  /** Whether more bytes may belong to what came last. */
  get isPending(): boolean {
    return this.#rest !== ''
  }

  /** What came last is complete: the terminal has sent nothing for a while. */
  settle(): string[] {
    return this.#take(true)
  }

  #take(isComplete: boolean): string[] {
    const keys: string[] = []
    while (this.#rest !== '') {
      const length = this.#length(isComplete)
      if (length === 0) break
      const taken = this.#rest.slice(0, length)
      this.#rest = this.#rest.slice(length)
      const key = keyOf(taken)
      if (key !== undefined) keys.push(key)
    }
    return keys
  }

  /** Of the next key; 0 while it is incomplete. */
  #length(isComplete: boolean): number {
    const text = this.#rest
    if (!text.startsWith('\u001b')) return String.fromCodePoint(text.codePointAt(0)!).length
    const behind = text.slice(1)
    const sequence = SEQUENCE.exec(behind)?.[0]
    if (sequence !== undefined) return 1 + sequence.length
    const mayGoOn = behind === '' || BEGINNING.test(behind)
    return mayGoOn && !isComplete ? 0 : mayGoOn ? text.length : 1
  }
}

/** `undefined` for keys without a meaning, and for what terminals report by themselves. */
function keyOf(text: string): string | undefined {
  if (text === '\u001b') return 'escape'
  if (text.startsWith('\u001b')) return SEQUENCES[text.slice(1)]
  const control = CONTROLS[text]
  if (control !== undefined) return control
  return text < ' ' || /\p{Cc}/u.test(text) ? undefined : text
}
