import { ClientStream } from './client-stream.ts'
import type { Http2Plane } from './http2-plane.ts'

const MAX_SPARE_STREAMS = 256

/** Streams to use again: a connection has as many as requests are under way, which keeps idle ones small. */
export class SpareStreams {
  readonly plane: Http2Plane
  private readonly spare: ClientStream[] = []

  constructor(plane: Http2Plane) {
    this.plane = plane
  }

  borrow(): ClientStream {
    return this.spare.pop() ?? new ClientStream(this.plane)
  }

  giveBack(stream: ClientStream): void {
    if (this.spare.length < MAX_SPARE_STREAMS) this.spare.push(stream)
  }
}
