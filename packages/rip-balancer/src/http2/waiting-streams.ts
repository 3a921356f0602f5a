import type { FrameOutput } from './frame-output.ts'
import type { SendWindow } from './send-window.ts'
import type { Http2Stream } from './stream.ts'

/** The streams that have data to send which waits for a window or the kernel. They send by turns, a frame each. */
export class WaitingStreams {
  private streams: Http2Stream[] = []
  private isSending = false

  add(stream: Http2Stream): void {
    if (!this.streams.includes(stream)) this.streams.push(stream)
  }

  remove(stream: Http2Stream): void {
    const index = this.streams.indexOf(stream)
    if (index >= 0) this.streams.splice(index, 1)
  }

  /** Sends as much as the windows and the kernel take. */
  send(output: FrameOutput, connection: SendWindow): void {
    // A writer that is told to go on may write to another stream of the connection.
    if (this.isSending) return
    this.isSending = true
    let inVain = 0
    while (inVain < this.streams.length && connection.bytes > 0 && output.takesData) {
      const stream = this.streams.shift()!
      inVain = stream.sendWaiting() ? 0 : inVain + 1
      if (stream.waiting > 0) this.add(stream)
    }
    this.isSending = false
  }
}
