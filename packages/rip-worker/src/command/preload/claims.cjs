'use strict'
const fs = require('fs')

/** Decides which HTTP servers of a command listen on the worker's socket. */
class Claims {
  /** @param {{ socket: string, assignedPort: number, publicUrl: string | undefined }} options */
  constructor({ socket, assignedPort, publicUrl }) {
    this.socket = socket
    this.assignedPort = assignedPort
    this.publicPort = portOf(publicUrl)
    /** What this process serves on the socket: `{ port, release }`. */
    this.held = undefined
    /** Keeps the socket open between two servers of this process. */
    this.keeper = undefined
  }

  /**
   * What to do with a server that asks for a port: `take` the socket; `hide` it, as the same port is served on the
   * socket already; or `leave` it alone, as a helper that has a port of its own.
   */
  judge(port) {
    if (this.held !== undefined && this.isHeldPort(port)) return 'hide'
    if (port === this.assignedPort) return 'take'
    // A port of the system's choice is not where clients come.
    if (port === 0) return 'leave'
    return this.isTakenElsewhere() ? 'leave' : 'take'
  }

  /** Makes place for a server that asked for this port. */
  take(port, release) {
    const { held, keeper } = this
    this.held = { port, release }
    this.keeper = undefined
    if (held !== undefined) held.release()
    // Of the keeper, or of another process of the command that asked first, for another port.
    const isInTheWay = keeper !== undefined || port === this.assignedPort
    if (isInTheWay && !isClusterWorker()) fs.rmSync(this.socket, { force: true })
  }

  /** The server with this port was closed: the next one may take the socket. */
  drop(release) {
    if (this.held !== undefined && this.held.release === release) this.held = undefined
  }

  isTakenElsewhere() {
    return this.keeper === undefined && !isClusterWorker() && fs.existsSync(this.socket)
  }

  /** The port that a server on the socket says it has: the one clients use, else the one it asked for. */
  shownPort(port) {
    return this.publicPort === undefined ? port : this.publicPort
  }

  isHeldPort(port) {
    return port === this.held.port || (port === this.publicPort && port !== this.assignedPort)
  }
}

/** The primary process of `node:cluster` listens once for all its workers. */
function isClusterWorker() {
  return require('cluster').isWorker
}

function portOf(url) {
  try {
    const { port, protocol } = new URL(url)
    if (protocol !== 'http:' && protocol !== 'https:') return undefined
    return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
  } catch {
    // Absent, or a Unix socket.
    return undefined
  }
}

module.exports = { Claims, isClusterWorker }
