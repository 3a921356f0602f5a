/** Tells from the bytes of a WebSocket where its frames end (RFC 6455 section 5.2). */
export class WebSocketFrames {
  /** Whether the last frame is there to its end. */
  get isComplete(): boolean
  push(bytes: Uint8Array): void
}
