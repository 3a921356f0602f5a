import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Processes of the application, in every contender. */
export const WORKERS = 2

const PROGRAM = fileURLToPath(new URL('bin/rip-server', import.meta.resolve('rip-server/package.json')))
const ORIGIN = fileURLToPath(new URL('../proxy/origin.ts', import.meta.url))
const asRoot = process.getuid?.() === 0 ? 'user root;' : ''

/** What answers `/small` with 105 bytes of JSON: everything from the listening socket to the application. */
export interface Contender {
  readonly name: string
  /** Programs without which it is left out. */
  readonly needs: readonly string[]
  /** Command lines of all that has to be started. @param folder an empty one of its own */
  commands(port: number, folder: string): readonly (readonly string[])[]
}

/** The product, which speaks that protocol to its workers: `http1`, `h2c` or `auto`. */
export function ripServerWith(workerProtocol: string): Contender {
  return {
    name: `rip-server ${workerProtocol}`,
    needs: [],
    commands(port, folder) {
      const body = JSON.stringify({ message: 'x'.repeat(105 - '{"message":""}'.length) })
      const app = `const body = ${JSON.stringify(body)}
const headers = { 'content-type': 'application/json' }
export default { fetch: () => new Response(body, { headers }) }\n`
      const config = `export default ${JSON.stringify({ balancer: { workerProtocol } })}\n`
      writeFileSync(join(folder, 'app.ts'), app)
      writeFileSync(join(folder, 'rip-server.config.ts'), config)
      const flags = ['--port', String(port), '--workers', String(WORKERS), '--quiet']
      return [[process.execPath, PROGRAM, 'start', folder, ...flags, '--run-dir', join(folder, 'run')]]
    },
  }
}

/** Processes of Bun that share a port: the kernel spreads connections, and nothing is between it and the application. */
const bare: Contender = {
  name: 'Bun.serve, reusePort',
  needs: [],
  commands: (port, folder) =>
    Array.from({ length: WORKERS }, (_, at) => [
      process.execPath,
      ORIGIN,
      join(folder, `${at}.sock`),
      String(port),
    ]),
}

function nginxCommand(port: number, folder: string, servers: readonly string[]): readonly string[] {
  const upstream = servers.map((path) => `server unix:${path};`).join(' ')
  const config = `daemon off; ${asRoot} worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  upstream app { ${upstream} keepalive 128; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
}\n`
  const path = join(folder, 'nginx.conf')
  writeFileSync(path, config)
  return ['nginx', '-p', folder, '-c', path]
}

const nginxAndBun: Contender = {
  name: 'nginx + Bun.serve',
  needs: ['nginx'],
  commands(port, folder) {
    const sockets = Array.from({ length: WORKERS }, (_, at) => join(folder, `${at}.sock`))
    return [
      // A port of its own choice, which nobody uses.
      ...sockets.map((socket) => [process.execPath, ORIGIN, socket, '0']),
      nginxCommand(port, folder, sockets),
    ]
  },
}

const nginxAndUnicorn: Contender = {
  name: 'nginx + unicorn',
  needs: ['nginx', 'unicorn'],
  commands(port, folder) {
    const app = `require 'json'
BODY = { message: 'x' * ${105 - '{"message":""}'.length} }.to_json
run lambda { |env| [200, { 'Content-Type' => 'application/json', 'Content-Length' => BODY.bytesize.to_s }, [BODY]] }\n`
    const socket = join(folder, 'app.sock')
    const config = `worker_processes ${WORKERS}\nlisten '${socket}', backlog: 1024\nstderr_path '${folder}/unicorn.log'\n`
    writeFileSync(join(folder, 'config.ru'), app)
    writeFileSync(join(folder, 'unicorn.rb'), config)
    return [
      ['unicorn', '-c', join(folder, 'unicorn.rb'), '-E', 'none', join(folder, 'config.ru')],
      nginxCommand(port, folder, [socket]),
    ]
  },
}

export const PEERS: readonly Contender[] = [bare, nginxAndBun, nginxAndUnicorn]
