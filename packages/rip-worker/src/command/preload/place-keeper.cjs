'use strict'
const fs = require('fs')
const net = require('net')

/** Connections that were made before the next server listened are accepted within this time. */
const LATE_MS = 200

/**
 * Keeps the socket open between two servers of a development tool that restarts its server: connections wait for the
 * next one instead of being refused, and the worker does not look as if it had lost its socket.
 */
class PlaceKeeper {
  /** @param {Function} listen the method of `node:net` that is not redirected */
  constructor(path, listen) {
    this.next = undefined
    this.waiting = new Set()
    this.server = net.createServer({ pauseOnConnect: true }, (socket) => this.take(socket))
    // Closing a server removes the file it was made with, which may be the next server's by then.
    const own = `${path}~`
    listen.call(this.server, { path: own })
    fs.renameSync(own, path)
    this.server.unref()
  }

  /** Gives those who wait to a server, once it listens. */
  giveTo(server) {
    server.once('listening', () => {
      this.next = server
      for (const socket of this.waiting) this.pass(socket)
      setTimeout(() => this.server.close(), LATE_MS).unref()
    })
  }

  take(socket) {
    if (this.next !== undefined) return this.pass(socket)
    this.waiting.add(socket)
    socket.once('close', () => this.waiting.delete(socket))
  }

  pass(socket) {
    this.next.emit('connection', socket)
    socket.resume()
  }
}

module.exports = { PlaceKeeper }
