'use strict'
const fs = require('fs')
const net = require('net')

const LOCAL_HOSTS = new Set([undefined, '', 'localhost', '127.0.0.1', '::1', '0.0.0.0', '::'])

/**
 * Leads connections of the command to its own port to the socket on which it is served: applications that render on the
 * server often ask themselves.
 */
function redirectOwnConnections({ socket, assignedPort }) {
  const connect = net.Socket.prototype.connect
  const isOwn = ({ port, host, path }) =>
    !path && Number(port) === assignedPort && LOCAL_HOSTS.has(host) && fs.existsSync(socket)
  net.Socket.prototype.connect = function (...args) {
    const [first] = args
    // `net.connect` passes on what it was called with as one list, which is marked as such.
    const given = Array.isArray(first) ? first[0] : first
    if (typeof given === 'object' && given !== null) {
      if (!isOwn(given)) return connect.apply(this, args)
      const redirected = { ...given, path: socket, port: undefined, host: undefined }
      if (Array.isArray(first)) first[0] = redirected
      else args[0] = redirected
      return connect.apply(this, args)
    }
    const host = typeof args[1] === 'string' ? args[1] : undefined
    if (!isOwn({ port: given, host })) return connect.apply(this, args)
    return connect.call(
      this,
      { path: socket },
      args.find((each) => typeof each === 'function'),
    )
  }
}

module.exports = { redirectOwnConnections }
