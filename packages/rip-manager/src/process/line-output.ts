import type { Writable } from 'node:stream'
import { DEFAULT_OUTPUT_BUFFER_BYTES } from '../defaults.ts'

export interface LineOutput {
  /** Writes one whole line; never waits and never throws. */
  write(line: string): void
  close(): void
}

/**
 * Writes lines to a stream that may be slow or gone. What is not read within the bound is dropped and
 * counted, so that nobody who stops reading our output can stop a worker; once the reader left (EPIPE), all
 * further lines go nowhere.
 */
export function createLineOutput(
  stream: Writable,
  maxBufferedBytes: number = DEFAULT_OUTPUT_BUFFER_BYTES,
): LineOutput {
  let bufferedBytes = 0
  let droppedLines = 0
  let gone = false

  // Without a listener an EPIPE would be an uncaught exception.
  const onError = (): void => {
    gone = true
  }
  stream.on('error', onError)

  const send = (text: string): void => {
    const bytes = Buffer.byteLength(text)
    bufferedBytes += bytes
    stream.write(text, (error) => {
      bufferedBytes -= bytes
      if (error) return onError()
      if (bufferedBytes === 0) reportDropped()
    })
  }

  const reportDropped = (): void => {
    if (droppedLines === 0 || gone) return
    const count = droppedLines
    droppedLines = 0
    send(`(${count} ${count === 1 ? 'line' : 'lines'} dropped: this output is not being read fast enough)\n`)
  }

  return {
    write(line) {
      if (gone) return
      if (bufferedBytes > 0 && bufferedBytes + line.length > maxBufferedBytes) {
        droppedLines += 1
        return
      }
      send(`${line}\n`)
    },
    close() {
      gone = true
      // Late errors of writes under way still need the listener.
      if (bufferedBytes === 0) stream.off('error', onError)
    },
  }
}
