/** A place in a file. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

const DEFAULT_EDITOR = 'vscode://file{file}:{line}:{column}'

/**
 * The editor that places of the overlay are opened in: an address or a command with `{file}`, `{line}` and `{column}`. A command
 * without them gets the file at its end.
 */
export class Editor {
  readonly #template: string

  /** @param template @default an address that Visual Studio Code opens */
  constructor(template: string | undefined) {
    this.#template = template?.trim() || DEFAULT_EDITOR
  }

  /** Address of a place, for the browser to open; `undefined` when a command opens it. */
  link(place: Place): string | undefined {
    if (!this.#isAddress) return undefined
    return filled(this.#template, { ...place, file: place.file.split('/').map(encodeURIComponent).join('/') })
  }

  /** Opens a place by the command. Does nothing with an address. */
  open(place: Place): void {
    if (this.#isAddress) return
    const words = this.#template.split(/\s+/)
    const all = words.some((word) => word.includes('{file}')) ? words : [...words, '{file}']
    const [program = '', ...args] = all.map((word) => filled(word, place))
    const editor = Bun.spawn([program, ...args], { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })
    editor.unref()
  }

  get #isAddress(): boolean {
    return /^[a-z][a-z\d+.-]*:\/\//i.test(this.#template)
  }
}

function filled(template: string, { file, line, column }: Place): string {
  return template
    .replaceAll('{file}', () => file)
    .replaceAll('{line}', String(line))
    .replaceAll('{column}', String(column))
}
