import { DEFAULT_VERIFY_TIMEOUT_MS } from '../contract/defaults.ts'
import type { Verifier } from '../contract/ports.ts'
import { messageOf } from '../contract/message-of.ts'

/** Of a refusing answer, this much is shown, and no half of a line: in development it has the lines that failed. */
const EXCERPT_CHARS = 1_000

export interface VerifierOptions {
  /** Path of the application that must answer 2xx, perhaps with a query, such as `/up?deep=1`. */
  readonly path: string
  /** Value of the `Host` field. @default 'localhost' */
  readonly host?: string
  /** @default 5000 */
  readonly timeoutMs?: number
}

/** Asks a candidate once over its socket; an answer that is not 2xx, or does not come in time, is the reason to refuse it. */
export function createVerifier(options: VerifierOptions): Verifier {
  return {
    async verify(socket, { signal }) {
      const reason = await ask(socket, options, signal)
      signal.throwIfAborted()
      return reason
    },
  }
}

async function ask(
  socket: string,
  { path, host, timeoutMs = DEFAULT_VERIFY_TIMEOUT_MS }: VerifierOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const deadline = AbortSignal.timeout(timeoutMs)
  try {
    const response = await fetch(`http://localhost${path}`, {
      unix: socket,
      redirect: 'manual',
      // The connection would stay open, and hold up the drain of a worker that never serves.
      headers: { connection: 'close', 'user-agent': 'rip-server', ...(host !== undefined && { host }) },
      signal: AbortSignal.any([deadline, signal]),
    } as BunFetchRequestInit)
    const body = await response.text()
    return response.ok ? undefined : `GET ${path} was answered ${statusOf(response)}${excerptOf(body)}`
  } catch (error) {
    if (deadline.aborted) return `GET ${path} was not answered within ${timeoutMs} ms`
    return `GET ${path} failed: ${messageOf(error)}`
  }
}

function statusOf({ status, statusText, headers }: Response): string {
  const location = headers.get('location')
  const to = location === null ? '' : ` to ${location}; name the path that answers itself`
  return `${status} ${statusText}`.trimEnd() + to
}

function excerptOf(body: string): string {
  const text = body.trim()
  if (text === '') return ''
  return `: ${text.length > EXCERPT_CHARS ? `${wholeLines(text.slice(0, EXCERPT_CHARS))}…` : text}`
}

/** Without the line that was cut, unless it is the only one. */
function wholeLines(text: string): string {
  const end = text.lastIndexOf('\n')
  return end === -1 ? text : text.slice(0, end + 1)
}
