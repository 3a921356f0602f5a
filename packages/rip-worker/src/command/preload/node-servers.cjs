'use strict'
const net = require('net')
const { isClusterWorker } = require('./claims.cjs')
const { introduceClient } = require('./clients.cjs')
const { PlaceKeeper } = require('./place-keeper.cjs')

/** Events with a request and the response to it. */
const REQUEST_EVENTS = new Set(['request', 'checkContinue', 'checkExpectation'])
/** The application may replace the global ones. */
const timers = { setInterval, setTimeout }

/** Redirects servers of `node:http` and `node:https`. Other servers are none of an application's clients. */
function redirectNodeServers(claims, supervision) {
  for (const prototype of listeningPrototypes()) {
    const listen = prototype.listen
    prototype.listen = function (...args) {
      const asked = isHttpServer(this) ? askedAddress(args) : undefined
      if (asked === undefined) return listen.apply(this, args)
      return new Redirection(this, asked, { listen, args, claims, supervision }).listen()
    }
  }
}

/** Bun's HTTP servers have a method of their own; those of Node.js, the one of `node:net`. */
function listeningPrototypes() {
  const prototypes = [net.Server.prototype]
  if (!process.versions.bun) return prototypes
  const { Server } = require('http')
  return Object.hasOwn(Server.prototype, 'listen') ? [Server.prototype] : prototypes
}

function isHttpServer(server) {
  const http = require('http')
  if (server instanceof http.Server) return true
  return server instanceof require('https').Server
}

/** What `listen` was called with: `{ port, host }` or `{ path }`; undefined when it is neither. */
function askedAddress(args) {
  const [first, second] = args
  const given = typeof first === 'object' && first !== null ? first : undefined
  if (given === undefined) {
    if (typeof first === 'string' && !/^\d+$/.test(first)) return { path: first }
    const isPort = first !== undefined && first !== null && typeof first !== 'function'
    return { port: isPort ? Number(first) : 0, host: typeof second === 'string' ? second : undefined }
  }
  if (given._handle !== undefined || given.handle !== undefined || typeof given.fd === 'number')
    return undefined
  const { path, port, host, signal } = given
  if (path) return { path }
  return { port: Number(port) || 0, host: host || undefined, signal }
}

/** One server that was asked to listen. */
class Redirection {
  constructor(server, asked, { listen, args, claims, supervision }) {
    this.server = server
    this.asked = asked
    this.plainListen = listen
    this.original = () => listen.apply(server, args)
    this.redirected = (options) => {
      const callback = args.find((each) => typeof each === 'function')
      return listen.call(server, { ...options, ...(asked.signal && { signal: asked.signal }) }, callback)
    }
    this.claims = claims
    this.supervision = supervision
    this.pending = new Set()
    this.webSockets = new Set()
    /** How long clients may take to connect again, once they are told to; those to come are told as well. */
    this.answerMs = undefined
    this.requests = 0
    this.NodeWebSocket = undefined
    this.release = () => this.giveBack()
  }

  listen() {
    const { asked, claims } = this
    if (asked.path === claims.socket) return this.serve(this.original)
    if (asked.path !== undefined) return this.original()
    const verdict = claims.judge(asked.port)
    if (verdict === 'take') return this.serve(() => this.redirected({ path: claims.socket }))
    if (verdict === 'hide') return this.hide()
    this.server.once('listening', () => this.supervision.leaves(asked.port))
    return this.original()
  }

  serve(listen) {
    const { server, asked, claims, supervision } = this
    const isAssigned = asked.port === undefined || asked.port === claims.assignedPort
    // Not at the first upgrade: the file may have been replaced by then. Most processes of a command take no server.
    this.NodeWebSocket = require('../../serve/node-web-socket.cjs').NodeWebSocket
    if (claims.keeper !== undefined) claims.keeper.giveTo(server)
    claims.take(asked.port === undefined ? claims.assignedPort : asked.port, this.release)
    this.intercept()
    if (asked.port !== undefined) this.showPort()
    // The balancer decides how long unused connections last.
    server.keepAliveTimeout = 0
    server.requestTimeout = 0
    server.once('listening', () =>
      supervision.serves(this, { port: asked.port, host: asked.host, isAssigned }),
    )
    if (isRestartable()) this.keepPlace()
    server.once('close', () => claims.drop(this.release))
    return listen()
  }

  /** A tool that closes its server opens the next one soon. */
  keepPlace() {
    const { server, claims, plainListen } = this
    const close = server.close
    server.close = (...values) => {
      const isListening = server.listening
      close.apply(server, values)
      if (isListening) {
        claims.drop(this.release)
        claims.keeper = new PlaceKeeper(claims.socket, plainListen)
      }
      return server
    }
  }

  /** Frameworks listen on several addresses of one port: the others are out of the way. */
  hide() {
    this.showPort()
    return this.redirected({ port: 0, host: '127.0.0.1' })
  }

  /** The server was taken by mistake: it was a helper of one that listens on the assigned port. */
  giveBack() {
    const { server } = this
    delete server.emit
    delete server.address
    if (server._handle) server._handle.close()
    server._handle = null
    const emit = server.emit
    server.emit = function (event, ...values) {
      if (event !== 'listening') return emit.call(this, event, ...values)
      delete server.emit
      return true
    }
    this.original()
  }

  showPort() {
    const { server, asked, claims } = this
    const address = server.address
    server.address = function () {
      if (address.call(this) === null) return null
      const host = asked.host === undefined ? '::' : asked.host === 'localhost' ? '127.0.0.1' : asked.host
      return {
        address: host,
        family: host.includes(':') ? 'IPv6' : 'IPv4',
        port: claims.shownPort(asked.port),
      }
    }
  }

  /** Counts what is under way, and introduces clients. */
  intercept() {
    const { server } = this
    const emit = server.emit
    const isTls = server instanceof require('https').Server
    server.emit = (event, ...values) => {
      if (REQUEST_EVENTS.has(event)) this.begin(values[0], values[1])
      else if (event === 'upgrade') this.follow(values[0], values[1])
      // The balancer has ended TLS: what comes is what would be within.
      else if (event === 'connection' && isTls) return emit.call(server, 'secureConnection', ...values)
      return emit.call(server, event, ...values)
    }
  }

  begin(request, response) {
    // After `checkContinue` an application passes it on as `request`.
    if (this.pending.has(response)) return
    introduceClient(request)
    this.requests++
    this.pending.add(response)
    response.once('close', () => this.pending.delete(response))
  }

  follow(request, socket) {
    introduceClient(request)
    if (String(request.headers.upgrade).toLowerCase() !== 'websocket') return
    const webSocket = new this.NodeWebSocket(socket, timers)
    this.webSockets.add(webSocket)
    socket.once('close', () => this.webSockets.delete(webSocket))
    if (this.answerMs !== undefined) webSocket.restart(this.answerMs)
  }

  figures() {
    const eventStreams = this.streams().length
    const { requests, webSockets, pending } = this
    return { requests, webSockets: webSockets.size, eventStreams, inFlight: pending.size - eventStreams }
  }

  streams() {
    return [...this.pending].filter(isEventStream)
  }

  /** Clients connect again, to what serves next. */
  endStreams(answerMs) {
    this.answerMs = answerMs
    for (const webSocket of this.webSockets) webSocket.restart(answerMs)
    for (const response of this.streams()) response.end()
  }

  drain(answerMs) {
    this.endStreams(answerMs)
    if (this.server.closeIdleConnections) this.server.closeIdleConnections()
  }
}

/** Whether its server may be closed and opened again, as development tools do. */
function isRestartable() {
  return process.env.RIP_MODE === 'development' && !process.versions.bun && !isClusterWorker()
}

function isEventStream(response) {
  const head = response.headersSent ? response._header : undefined
  const type = typeof head === 'string' ? head : `content-type: ${String(response.getHeader('content-type'))}`
  return response.headersSent && /^content-type:\s*text\/event-stream/im.test(type)
}

module.exports = { redirectNodeServers }
