import type { ClientSide } from '../../src/exchange/client-side.ts'
import type { FieldEdits } from '../../src/forwarding/field-edits.ts'
import { identify, type ClientIdentity } from '../../src/forwarding/client-identity.ts'
import type { OutgoingRequest } from '../../src/forwarding/outgoing-request.ts'
import type { Trailers } from '../../src/forwarding/trailers.ts'
import type { ResponseHead } from '../../src/http1/response-head.ts'
import type { ResponseSink } from '../../src/upstream/response-sink.ts'
import type { UpstreamExchange } from '../../src/upstream/upstream-exchange.ts'

const text = (bytes: Buffer, from: number, to: number): string => bytes.toString('latin1', from, to)

const trailersIn = (trailers: Trailers | undefined): string =>
  trailers === undefined ? '' : `, ${trailers.fields.name(0)}: ${trailers.fields.value(0)}`

/** A client that is no connection of HTTP/1.1: it notes what its exchange says, in words instead of bytes. */
export class StreamOfClient implements ClientSide {
  readonly said: string[] = []
  readonly identity: ClientIdentity = identify({ address: '192.0.2.1', port: 1 }, 'https', {
    has: () => false,
  })
  upgrade: string | undefined
  takesTrailers = true
  sent = 0
  waiting = 0
  acknowledged = 0

  askForBody(): void {
    this.said.push('continue')
  }

  interim(response: ResponseHead): void {
    this.said.push(`interim ${response.status}`)
  }

  switching(): void {
    this.said.push('tunnel')
  }

  head(
    response: ResponseHead,
    _requestId: string | number | undefined,
    _edits: FieldEdits | undefined,
  ): void {
    this.said.push(`head ${response.status}`)
  }

  data(bytes: Buffer, from: number, to: number): void {
    this.sent += to - from
    this.said.push(`data ${text(bytes, from, to)}`)
  }

  end(trailers: Trailers | undefined): void {
    this.said.push(`end${trailersIn(trailers)}`)
  }

  answer(status: number): void {
    this.said.push(`answer ${status}`)
  }

  flush(): void {}

  closeAfter(): void {
    this.said.push('close after')
  }

  abort(): void {
    this.said.push('abort')
  }

  shutdown(): void {
    this.said.push('shutdown')
  }

  inputWanted(): void {}
  inputNotWanted(): void {}
  exchangeLasts(): void {}

  exchangeEnded(): void {
    this.said.push('ended')
  }
}

/** An exchange at a backend that is no connection of HTTP/1.1. */
export class StreamOfBackend implements UpstreamExchange {
  readonly said: string[] = []
  readonly reused: boolean
  readonly unusedMs = 0
  readonly announcedBytes = 0
  readonly pausedAt = 0
  answered = false
  hasSent = false
  requestComplete = false
  readonly canRefuse = true
  hasBegun = false
  readonly wasLeftOut = false
  waiting = 0
  isPaused = false
  readonly sink: ResponseSink

  constructor(sink: ResponseSink, reused = false) {
    this.sink = sink
    this.reused = reused
  }

  send(request: OutgoingRequest): void {
    this.hasSent = true
    this.said.push(`${request.head.method} ${request.head.target}`)
  }

  data(bytes: Buffer, from: number, to: number): void {
    this.said.push(`data ${text(bytes, from, to)}`)
  }

  end(trailers: Trailers | undefined): void {
    this.requestComplete = true
    this.said.push(`end${trailersIn(trailers)}`)
  }

  freeChunk(): void {}

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  shutdownWhenSent(): void {
    this.said.push('shutdown')
  }

  destroy(): void {
    this.said.push('destroy')
  }
}
