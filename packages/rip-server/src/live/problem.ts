import type { ManagerEvent, Refusal } from '@rip/manager'
import { nearPath } from '../output/near-path.ts'
import { refusalDetail } from '../output/refusal-text.ts'
import type { Editor, Place } from './editor.ts'

/** Something the overlay of a page shows. */
export interface Problem {
  readonly title: string
  readonly message: string
  /** Excerpt of the source, a stack, or the last output. */
  readonly detail: string
  /** What the developer may want to know besides. */
  readonly note: string
  /** Place in the source, as it is shown. */
  readonly place?: string
  /** Address that opens it. */
  readonly link?: string
  /** What the server is sent to open it, where it has no address. */
  readonly open?: Place
}

type Exited = Extract<ManagerEvent, { type: 'worker-exited' | 'background-exited' }>
type Uncaught = Extract<ManagerEvent, { type: 'worker-uncaught' }>

const SERVES_ON = 'The code before goes on serving. Esc closes.'
const MAY_BE_BROKEN = 'It stays until code serves that was saved later. Esc closes.'

/** How problems are told: relative to the folder of the application, with places that open in the editor. */
export class ProblemTexts {
  readonly #root: string
  readonly #editor: Editor

  constructor(root: string, editor: Editor) {
    this.#root = root
    this.#editor = editor
  }

  ofRefusal(refusal: Refusal): Problem {
    const { message, failure } = refusal
    return {
      title: 'What was saved does not serve',
      message: message.replaceAll(`${this.#root}/`, ''),
      detail: Bun.stripANSI(refusalDetail(refusal)),
      note: SERVES_ON,
      ...(failure !== undefined && this.#place(failure)),
    }
  }

  ofUncaught({ origin, failure }: Uncaught): Problem {
    return {
      title: origin === 'exception' ? 'Uncaught exception' : 'Unhandled rejection',
      message: failure.message,
      detail: failure.frame ?? failure.stack ?? '',
      note: MAY_BE_BROKEN,
      ...this.#place(failure),
    }
  }

  /** `undefined` for an end that is nothing to worry about. */
  ofExit(event: Exited): Problem | undefined {
    const { reason } = event
    const who = event.type === 'worker-exited' ? 'A worker' : `The background process ${event.name}`
    if (reason.kind === 'crashed') {
      const how = reason.signal === null ? `with code ${reason.code}` : `by ${reason.signal}`
      return exited(`${who} ended ${how}.`, Bun.stripANSI(reason.stderr).trimEnd())
    }
    if (reason.kind === 'oom') return exited(`${who} was killed because the memory is used up.`, '')
    if (reason.kind === 'stuck-loop')
      return exited(`${who} was stuck for ${Math.round(reason.silentMs / 1000)} s.`, reason.stack ?? '')
    return undefined
  }

  #place({
    file,
    line,
    column = 1,
  }: {
    readonly file?: string
    readonly line?: number
    readonly column?: number
  }): Pick<Problem, 'place' | 'link' | 'open'> {
    if (file === undefined) return {}
    const near = nearPath(file, this.#root)
    if (line === undefined) return { place: near }
    const place = { file, line, column }
    const link = this.#editor.link(place)
    return { place: `${near}:${line}:${column}`, ...(link === undefined ? { open: place } : { link }) }
  }
}

function exited(message: string, detail: string): Problem {
  return { title: 'A process of the application has crashed', message, detail, note: MAY_BE_BROKEN }
}
