'use strict'
/**
 * Loaded into every process of Node.js and Bun that a command starts (`NODE_OPTIONS`, `BUN_OPTIONS`): makes the HTTP
 * server of the application listen on the worker's socket. Plain CommonJS for any version of Node.js from 14.14 on. Does
 * nothing in a process that opens no HTTP server.
 */
const { RIP_SOCKET: socket, RIP_COMMAND_LINK: link, RIP_COMMAND_PORT: port } = process.env

if (socket && link && port) {
  const { Supervision } = require('./supervision.cjs')
  const { Claims } = require('./claims.cjs')
  const supervision = new Supervision(link)
  const claims = new Claims({ socket, assignedPort: Number(port), publicUrl: process.env.RIP_PUBLIC_URL })
  require('./node-servers.cjs').redirectNodeServers(claims, supervision)
  if (process.versions.bun) require('./bun-servers.cjs').redirectBunServers(claims, supervision)
  else require('./own-connections.cjs').redirectOwnConnections(claims)
}
