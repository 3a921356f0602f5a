'use strict'
const { WebSocketFrames } = require('./web-socket-frames.cjs')

/** RFC 6455 section 7.4 and the IANA registry. */
const SERVICE_RESTART = 1012
const REASON = 'service restart'

/** RFC 6455 section 5.5.1: a close frame as servers send it. */
const CLOSE_FRAME = Buffer.from([
  0x88,
  2 + REASON.length,
  SERVICE_RESTART >> 8,
  SERVICE_RESTART & 0xff,
  ...Buffer.from(REASON),
])

/** RFC 6455 section 4.2.2: with any other status the connection stays one of HTTP. */
const SWITCHED = /^HTTP\/1\.1 101 /
const MAX_HEAD_LENGTH = 16384

/** How often it looks for the WebSocket of a library. */
const POLL_MS = 5

/**
 * A connection that an application of `node:http` may turn into a WebSocket. Its client can be told to connect again: by
 * the library that the application uses, if that is `ws`, else by a close frame between those of the application. For
 * this it reads along what the application writes: the handshake may take its time, and a proxy may write a frame in
 * pieces.
 *
 * CommonJS for Node.js from version 14.14 on, because the preload of commands uses it, too; the types are in
 * `node-web-socket.d.cts`.
 */
class NodeWebSocket {
  #frames = new WebSocketFrames()
  /** What was written of the handshake; undefined once that is complete. */
  #head = ''
  /** `no`, `due` or `told`. */
  #restart = 'no'
  #socket
  #timers
  #write
  #deadline
  #poll

  constructor(socket, timers) {
    this.#socket = socket
    this.#timers = timers
    this.#write = socket.write.bind(socket)
    socket.write = (chunk, ...rest) => this.#follow(chunk, rest)
    socket.once('close', () => this.#ended())
  }

  restart(answerMs) {
    if (this.#restart !== 'no') return
    this.#restart = 'due'
    this.#deadline = this.#timers.setTimeout(() => this.terminate(), answerMs)
    this.#tell()
    // Bun's own `ws` does not write its handshake to the socket.
    if (this.#restart === 'due') this.#poll = this.#timers.setInterval(() => this.#tell(), POLL_MS)
  }

  terminate() {
    const library = this.#library()
    if (library !== undefined) library.terminate()
    this.#socket.destroy()
  }

  /** The WebSocket that `ws`, Bun's own and that of npm, keeps on its connection. */
  #library() {
    const key = Object.getOwnPropertySymbols(this.#socket).find(
      ({ description }) => description === 'websocket',
    )
    const found = key && this.#socket[key]
    return found && typeof found.close === 'function' ? found : undefined
  }

  #follow(chunk, rest) {
    const written = this.#write(chunk, ...rest)
    this.#read(typeof chunk === 'string' ? Buffer.from(chunk, rest[0]) : chunk)
    if (this.#restart === 'due') queueMicrotask(() => this.#tell())
    return written
  }

  #read(bytes) {
    if (this.#restart === 'told') return
    this.#frames.push(this.#head === undefined ? bytes : this.#afterHead(this.#head, bytes))
  }

  #afterHead(before, bytes) {
    const head = before + Buffer.from(bytes).toString('latin1')
    const end = head.indexOf('\r\n\r\n')
    if (end < 0 || !SWITCHED.test(head)) {
      this.#head = head.slice(0, MAX_HEAD_LENGTH)
      return bytes.subarray(bytes.length)
    }
    this.#head = undefined
    return bytes.subarray(end + 4 - before.length)
  }

  #tell() {
    const library = this.#library()
    const isBetweenFrames = this.#head === undefined && this.#frames.isComplete
    if (this.#restart !== 'due' || (library === undefined && !isBetweenFrames)) return
    this.#restart = 'told'
    clearInterval(this.#poll)
    if (library !== undefined) return library.close(SERVICE_RESTART, REASON)
    if (!this.#socket.writableEnded) this.#write(CLOSE_FRAME)
  }

  #ended() {
    clearInterval(this.#poll)
    clearTimeout(this.#deadline)
  }
}

module.exports = { NodeWebSocket }
