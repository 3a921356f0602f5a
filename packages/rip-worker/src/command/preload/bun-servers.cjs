'use strict'
const { clientOf } = require('./clients.cjs')

const DEFAULT_PORT = 3000
/** RFC 6455 section 7.4.1 and the IANA registry: service restart. */
const SERVICE_RESTART = 1012
const REASON = 'service restart'

/** Redirects servers of `Bun.serve`. */
function redirectBunServers(claims, supervision) {
  const serve = Bun.serve
  Bun.serve = function (options) {
    // Those of `node:http`, which are redirected before.
    if (!options || 'onNodeHTTPRequest' in options) return serve.call(Bun, options)
    const port = options.unix ? undefined : portOf(options.port)
    if (port === undefined && options.unix !== claims.socket) return serve.call(Bun, options)
    if (port !== undefined && claims.judge(port) === 'leave') {
      const server = serve.call(Bun, options)
      supervision.leaves(server.port)
      return server
    }
    return new BunRedirection(claims, supervision, { port, host: options.hostname }).serve(serve, options)
  }
}

/** As Bun takes it: the option, else one of three variables. */
function portOf(given) {
  const { BUN_PORT, PORT, NODE_PORT } = process.env
  const port = given === undefined || given === null ? BUN_PORT || PORT || NODE_PORT || DEFAULT_PORT : given
  return Number(port)
}

class BunRedirection {
  constructor(claims, supervision, asked) {
    this.claims = claims
    this.supervision = supervision
    this.asked = asked
    this.webSockets = new Set()
    /** Whether clients are told to connect again, those to come as well. */
    this.isRestarting = false
    this.requests = 0
    this.release = () => {}
  }

  serve(serve, options) {
    const { claims, supervision, asked } = this
    const port = asked.port === undefined ? claims.assignedPort : asked.port
    // `bun --hot` calls again, and Bun then exchanges the options of the server there is.
    if (claims.held === undefined || claims.held.port !== port) claims.take(port, this.release)
    const server = serve.call(Bun, this.redirected(options))
    this.server = server
    // With `bun --hot` this may be the server of before.
    const { reload } = Object.getPrototypeOf(server)
    server.reload = (changed) => reload.call(server, this.redirected(changed))
    this.disguise(server)
    supervision.serves(this, { ...asked, isAssigned: port === claims.assignedPort })
    return server
  }

  /** The options with the socket in the place of the port, and everything counted. */
  redirected(options) {
    const own = Object.getOwnPropertyDescriptors(options)
    for (const name of ['port', 'hostname', 'tls', 'reusePort', 'ipv6Only']) delete own[name]
    const redirected = Object.create(Object.getPrototypeOf(options), own)
    const set = (name, value) =>
      Object.defineProperty(redirected, name, { value, enumerable: true, configurable: true, writable: true })
    set('unix', this.claims.socket)
    if (typeof options.fetch === 'function') set('fetch', this.counted(options.fetch))
    if (options.routes) set('routes', this.countedRoutes(options.routes))
    if (options.websocket) set('websocket', this.followed(options.websocket))
    return redirected
  }

  counted(fetch) {
    const redirection = this
    return function (request, server) {
      redirection.requests++
      return fetch.call(this, request, server)
    }
  }

  /** A route is a handler, handlers by method, or what Bun answers without asking the application. */
  countedRoutes(routes) {
    const counted = (value) => {
      if (typeof value === 'function') return this.counted(value)
      return isPlainObject(value) ? this.countedRoutes(value) : value
    }
    return Object.fromEntries(Object.entries(routes).map(([key, value]) => [key, counted(value)]))
  }

  followed(handlers) {
    const { webSockets } = this
    return Object.assign(Object.create(handlers), handlers, {
      open: (socket) => {
        webSockets.add(socket)
        const result = handlers.open ? handlers.open(socket) : undefined
        if (this.isRestarting) socket.close(SERVICE_RESTART, REASON)
        return result
      },
      close: (socket, ...values) => {
        webSockets.delete(socket)
        return handlers.close ? handlers.close(socket, ...values) : undefined
      },
    })
  }

  /** The server says what it would say on its port. */
  disguise(server) {
    const { claims, asked } = this
    if (asked.port === undefined) return
    const port = claims.shownPort(asked.port)
    const hostname = asked.host || 'localhost'
    const shown = {
      port: () => port,
      hostname: () => hostname,
      url: () => new URL(`http://${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}/`),
    }
    for (const [name, get] of Object.entries(shown))
      Object.defineProperty(server, name, { configurable: true, get })
    server.requestIP = ({ headers }) => clientOf(headers.get('x-real-ip'), headers.get('x-real-port'))
  }

  figures() {
    const { requests, webSockets, server } = this
    return { requests, webSockets: webSockets.size, eventStreams: 0, inFlight: server.pendingRequests }
  }

  endStreams() {
    this.isRestarting = true
    for (const socket of this.webSockets) socket.close(SERVICE_RESTART, REASON)
  }

  drain() {
    this.endStreams()
  }
}

function isPlainObject(value) {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

module.exports = { redirectBunServers }
