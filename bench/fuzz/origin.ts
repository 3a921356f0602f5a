import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '@rip/testing'
import { pathToRealNode } from '@rip/testing'

/** A real server that reports how it read requests: one line `METHOD TARGET HOST` for each. */
export interface Origin {
  readonly name: string
  /** Path of its Unix socket. */
  readonly socket: string
  readonly child: Bun.Subprocess
  /** The form in which it shows a request target to its application. */
  readonly targetOf: (target: string) => string
}

const asSent = (target: string): string => target

/** A Web `Request` has a URL, in which dot segments are resolved and some characters are escaped (WHATWG URL). */
function asUrl(target: string): string {
  const { href } = new URL(target.startsWith('/') ? `http://host${target}` : target, 'http://host')
  return href.slice(href.indexOf('/', 'http://'.length))
}

const NODE_PROGRAM = `require('node:http').createServer((q, s) => { q.resume(); s.end(q.method + ' ' + q.url + ' ' + q.headers.host + '\\n') }).listen(process.argv[1])`
const BUN_PROGRAM = `Bun.serve({ unix: process.argv[1], fetch: (q) => { const u = q.url; return new Response(q.method + ' ' + u.slice(u.indexOf('/', 8)) + ' ' + q.headers.get('host') + '\\n') } })`

function nginxConfig(socket: string, folder: string): string {
  const asRoot = process.getuid?.() === 0 ? 'user root;' : ''
  return `daemon off; ${asRoot} worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 1000000000; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s; merge_slashes off;
  server { listen unix:${socket}; location / { return 200 "$request_method $request_uri $http_host\\n"; } } }`
}

/** Starts the origins that are installed. Resolves when they answer. */
export async function startOrigins(folder: string): Promise<Origin[]> {
  const socketOf = (name: string): string => join(folder, `${name}.sock`)
  const start = (name: string, command: string[], targetOf = asSent): Origin => ({
    name,
    socket: socketOf(name),
    targetOf,
    child: Bun.spawn(command, { stdio: ['ignore', 'ignore', 'ignore'] }),
  })
  const origins = [start('Bun.serve', ['bun', '-e', BUN_PROGRAM, socketOf('Bun.serve')], asUrl)]
  const node = Bun.which('node', { PATH: pathToRealNode() })
  if (node !== null) origins.push(start('node:http', [node, '-e', NODE_PROGRAM, socketOf('node:http')]))
  if (Bun.which('nginx') !== null) {
    const own = join(folder, 'nginx')
    mkdirSync(own)
    writeFileSync(join(own, 'nginx.conf'), nginxConfig(socketOf('nginx'), own))
    origins.push(start('nginx', ['nginx', '-p', own, '-c', join(own, 'nginx.conf')]))
  }
  await Promise.all(origins.map(answering))
  return origins
}

/** Resolves when the origin answers. @throws when it does not */
async function answering({ name, socket }: Origin): Promise<void> {
  const asks = (): Promise<Response | undefined> =>
    fetch('http://origin/', { unix: socket }).catch(() => undefined)
  await until(`${name} answers`, async () => (await asks())?.ok)
}

const PROBE = 'GET /probe HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n'

/**
 * Sends a request and, directly after it, a probe, and resolves with the origin's report. An origin that sees another
 * end of the request than the balancer does not see the probe as the second request.
 */
export function understood(origin: Origin, request: Buffer): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let answer = ''
  const settle = (): void =>
    resolve(
      [...answer.matchAll(/^([A-Z!#$%&'*+.^_`|~0-9-]+ \S+ \S*)$/gim)]
        .map(([, line]) => line)
        .filter((line) => !line?.startsWith('HTTP/'))
        .join(' | '),
    )
  const timer = setTimeout(settle, 2_000)
  Bun.connect({
    unix: origin.socket,
    socket: {
      open: (socket) => void socket.write(Buffer.concat([request, Buffer.from(PROBE)])),
      data: (_socket, bytes) => void (answer += bytes.toString('latin1')),
      end: (socket) => void socket.end(),
      close: settle,
      error: settle,
    },
  }).catch(settle)
  return promise.finally(() => clearTimeout(timer))
}
