import type { Writable } from 'node:stream'
import { DEFAULT_OUTPUT_BUFFER_BYTES } from '../contract/defaults.ts'

export interface LineOutputOptions {
  /** What is kept for a reader that is slow. @default 1 MiB */
  readonly maxBufferedBytes?: number
  /** Text of the line about lines that were dropped, if there is to be one. @default a remark in brackets */
  readonly lossLine?: (droppedLines: number) => string | undefined
}

export interface LineOutput {
  /** Writes one whole line, given without its line feed; never waits and never throws. */
  write(line: string | Uint8Array): void
  close(): void
}

const LINE_FEED = Buffer.from('\n')

/**
 * Writes lines to a stream that may be slow or gone. What is not read within the bound is dropped and
 * counted, so that a reader who stops reading our output cannot stop a worker; once the reader left (EPIPE), all
 * further lines go nowhere.
 */
export function createLineOutput(
  stream: Writable,
  { maxBufferedBytes = DEFAULT_OUTPUT_BUFFER_BYTES, lossLine = plainLossLine }: LineOutputOptions = {},
): LineOutput {
  let bufferedBytes = 0
  let droppedLines = 0
  let gone = false

  // Without a listener an EPIPE would be an uncaught exception.
  const onError = (): void => {
    gone = true
  }
  stream.on('error', onError)

  const send = (line: string | Uint8Array): void => {
    const bytes = Buffer.byteLength(line) + 1
    bufferedBytes += bytes
    const whole = typeof line === 'string' ? `${line}\n` : Buffer.concat([line, LINE_FEED])
    stream.write(whole, (error) => {
      bufferedBytes -= bytes
      if (error) return onError()
      if (bufferedBytes === 0) reportDropped()
    })
  }

  const reportDropped = (): void => {
    if (droppedLines === 0 || gone) return
    const count = droppedLines
    droppedLines = 0
    const line = lossLine(count)
    if (line !== undefined) send(line)
  }

  return {
    write(line) {
      if (gone) return
      if (bufferedBytes > 0 && bufferedBytes + Buffer.byteLength(line) > maxBufferedBytes) {
        droppedLines += 1
        return
      }
      send(line)
    },
    close() {
      gone = true
      // Late errors of writes under way still need the listener.
      if (bufferedBytes === 0) stream.off('error', onError)
    },
  }
}

/** Says in words how many lines an output that is not read fast enough has lost. */
export function plainLossLine(droppedLines: number): string {
  return `(${droppedLines} ${droppedLines === 1 ? 'line' : 'lines'} dropped: this output is not being read fast enough)`
}
