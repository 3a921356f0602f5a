'use strict'

/** Tells from the bytes of a WebSocket where its frames end (RFC 6455 section 5.2). */
class WebSocketFrames {
  #head = []
  /** Bytes of the frame that are still to come. */
  #missing = 0

  /** Whether the last frame is there to its end. */
  get isComplete() {
    return this.#head.length === 0 && this.#missing === 0
  }

  push(bytes) {
    for (let at = 0; at < bytes.length;) {
      const taken = Math.min(this.#missing, bytes.length - at)
      this.#missing -= taken
      at += taken
      if (at < bytes.length) this.#readHead(bytes[at++])
    }
  }

  #readHead(byte) {
    this.#head.push(byte)
    const length = lengthAfter(this.#head)
    if (length === undefined) return
    this.#missing = length
    this.#head = []
  }
}

/** @returns how many bytes follow this head of a frame; undefined while the head is incomplete */
function lengthAfter([, second, ...extended]) {
  if (second === undefined) return undefined
  const short = second & 0x7f
  const maskLength = second & 0x80 ? 4 : 0
  if (short < 126) return short + maskLength
  if (extended.length < (short === 126 ? 2 : 8)) return undefined
  return extended.reduce((sum, byte) => sum * 256 + byte, 0) + maskLength
}

module.exports = { WebSocketFrames }
