'use strict'
const SAMPLE_MS = 50
/** How often it says how much is under way while that is waited for. */
const DRAIN_BEAT_MS = 25

/**
 * The connection to the worker process beside the command, opened when a server takes the socket: lines of JSON, which
 * say that it serves and how it is, and tell it to end streams or to drain. Keeps no process alive.
 */
class Supervision {
  /** @param {string} path of the worker process's socket */
  constructor(path) {
    this.path = path
    this.connection = undefined
    /** What is served: `{ figures(): object, endStreams(answerMs), drain(answerMs) }`. */
    this.server = undefined
    this.longestLagMs = 0
    this.expectedMs = 0
  }

  /** A server listens on the socket. */
  serves(server, { port, host, isAssigned }) {
    this.server = server
    this.send({ type: 'serves', pid: process.pid, port, host, isAssigned })
    this.measure()
  }

  /** A server listens elsewhere. */
  leaves(port) {
    this.send({ type: 'leaves', pid: process.pid, port })
  }

  send(message) {
    if (this.connection === undefined) this.connect()
    if (!this.connection.destroyed) this.connection.write(`${JSON.stringify(message)}\n`)
  }

  connect() {
    const connection = require('net').connect(this.path)
    this.connection = connection
    let text = ''
    connection.setEncoding('utf8')
    connection.on('data', (chunk) => {
      const lines = (text + chunk).split('\n')
      text = lines.pop()
      for (const line of lines) this.obey(JSON.parse(line))
    })
    connection.on('error', () => {})
    // The worker process was killed: the application would go on without requests.
    connection.once('connect', () => connection.once('close', () => process.kill(process.pid, 'SIGTERM')))
    connection.unref()
  }

  obey({ type, everyMs, answerMs }) {
    if (type === 'beat') return this.beat(everyMs)
    if (this.server === undefined) return
    if (type === 'end-streams') this.server.endStreams(answerMs)
    if (type !== 'drain') return
    this.server.drain(answerMs)
    this.beat(DRAIN_BEAT_MS)
  }

  beat(everyMs) {
    clearInterval(this.beating)
    this.report()
    this.beating = setInterval(() => this.report(), everyMs)
    this.beating.unref()
  }

  measure() {
    if (this.expectedMs !== 0) return
    this.expectedMs = nowMs() + SAMPLE_MS
    const sampling = setInterval(() => {
      this.noteLag()
      this.expectedMs = nowMs() + SAMPLE_MS
    }, SAMPLE_MS)
    sampling.unref()
  }

  noteLag() {
    this.longestLagMs = Math.max(this.longestLagMs, nowMs() - this.expectedMs)
  }

  report() {
    if (this.server === undefined) return
    this.noteLag()
    const loopLagMs = Math.round(this.longestLagMs)
    this.longestLagMs = 0
    this.send({ type: 'figures', ...this.server.figures(), loopLagMs })
  }
}

/** Of the monotonic clock, which cannot be set. */
function nowMs() {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

module.exports = { Supervision }
