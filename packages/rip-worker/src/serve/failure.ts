import { WorkerError } from '../errors.ts'
import type { WorkerMode } from '../protocol.ts'
import { acceptedFormat } from '../pages/accepted-format.ts'
import type { RequestHead } from '../pages/request-head.ts'
import { OWN_FOLDER } from '../own-folder.ts'
import { nodeName } from '../pages/node-name.ts'
import { printable } from './printable.ts'
import { shortPage } from '../pages/short-page.ts'

export interface Failure {
  readonly error: unknown
  readonly request: RequestHead
  /** Identifier of the request, which connects the page with the log. */
  readonly id: string
  /** Folder of the application, outside of which no source is shown. */
  readonly root?: string | undefined
}

/** The response to a request whose handler failed. */
export function answerFailure(failure: Failure, mode: WorkerMode): Response | Promise<Response> {
  return mode === 'development' ? developmentPage(failure) : productionPage(failure)
}

/** Text for the log: stack, source lines and causes. A `WorkerError` is its message only. */
export function describeFailure(error: unknown): string {
  if (error instanceof WorkerError) return printable(error.message)
  return printable(ofApplication(shortenCode(Bun.inspect(error))))
}

/** A frame of a stack. */
const FRAME = /^ +at /

/** Without frames of this package behind those of the application, and with the names that Node.js gives. */
function ofApplication(text: string): string {
  const shown: string[] = []
  for (const line of text.split('\n')) {
    const isOurs = FRAME.test(line) && line.includes(OWN_FOLDER)
    if (!isOurs || !FRAME.test(shown.at(-1) ?? '')) shown.push(nodeName(line))
  }
  return shown.join('\n')
}

/** A line of source with its number that is longer than a terminal is wide, or the mark below it. */
const LONG_CODE = /^( *\d+ \| .{160}).+$/gm
const FAR_MARK = /^ {168,}\^$\n?/gm

/** Minified code is a line of a thousand characters, as Bun shows it. */
function shortenCode(text: string): string {
  return text.replace(LONG_CODE, '$1…').replace(FAR_MARK, '')
}

function productionPage({ request, id }: Failure): Response {
  return shortPage(acceptedFormat(request), id)
}

async function developmentPage(failure: Failure): Promise<Response> {
  try {
    const { errorPage } = await import('../pages/error-page.ts')
    return errorPage(failure)
  } catch {
    // The page itself could not be loaded or made, for example because the installation is being replaced.
    return productionPage(failure)
  }
}
