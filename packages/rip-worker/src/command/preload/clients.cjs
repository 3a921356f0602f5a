'use strict'
const CLIENT = Symbol('client')
/** The balancer itself, which asks for the health of a worker. */
const ITSELF = { address: '127.0.0.1', family: 'IPv4', port: 0 }

/** Who sent a request, as the balancer in front says it in `X-Real-IP` and `X-Real-Port`. */
function clientOf(address, port) {
  if (!address) return ITSELF
  return { address, family: address.includes(':') ? 'IPv6' : 'IPv4', port: Number(port) || 0 }
}

/** Makes the socket of a request answer with the client's address; the next request on it may be another client's. */
function introduceClient({ headers, socket }) {
  if (!socket) return
  const isKnown = socket[CLIENT] !== undefined
  socket[CLIENT] = clientOf(headers['x-real-ip'], headers['x-real-port'])
  if (isKnown) return
  Object.defineProperties(socket, {
    remoteAddress: { configurable: true, get: () => socket[CLIENT].address },
    remoteFamily: { configurable: true, get: () => socket[CLIENT].family },
    remotePort: { configurable: true, get: () => socket[CLIENT].port },
  })
}

module.exports = { clientOf, introduceClient }
