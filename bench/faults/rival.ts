import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Address of a balancer, and its backends. */
export interface Front {
  /** A folder of its own. */
  readonly folder: string
  readonly port: number
  /** Ports of the backends, all on 127.0.0.1. */
  readonly backends: readonly number[]
}

/** A balancer in the comparison. */
export interface Rival {
  readonly name: string
  readonly version: readonly string[]
  /** Writes its configuration. @returns the command that starts it in the foreground */
  command(front: Front): readonly string[]
}

const BALANCER = fileURLToPath(new URL('../../packages/rip-balancer/src/main.ts', import.meta.url))

/*
 * All have the same settings: a second to connect, two for an answer, and, where the program has health checks, a check
 * of /up every second that may take a second. Retries follow the manual of each program.
 */

const nginx: Rival = {
  name: 'nginx',
  version: ['nginx', '-v'],
  command({ folder, port, backends }) {
    const servers = backends.map((each) => `server 127.0.0.1:${each};`).join(' ')
    const asRoot = process.getuid?.() === 0 ? 'user root;' : ''
    const config = `
daemon off; ${asRoot} master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  upstream app { ${servers} keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_connect_timeout 1s; proxy_read_timeout 2s; proxy_send_timeout 2s;
    }
  }
}
`
    return ['nginx', '-p', folder, '-c', write(folder, 'nginx.conf', config)]
  },
}

const haproxy: Rival = {
  name: 'HAProxy',
  version: ['haproxy', '-v'],
  command({ folder, port, backends }) {
    const servers = backends.map((each, at) => `  server s${at} 127.0.0.1:${each} check inter 1s`).join('\n')
    const config = `
global
  maxconn 2000
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 2s
  option redispatch
frontend front
  bind 127.0.0.1:${port}
  default_backend app
backend app
  balance roundrobin
  option httpchk GET /up
${servers}
`
    return ['haproxy', '-db', '-q', '-f', write(folder, 'haproxy.cfg', config)]
  },
}

const caddy: Rival = {
  name: 'Caddy',
  version: ['caddy', 'version'],
  command({ folder, port, backends }) {
    const config = `{
  admin off
  auto_https off
  storage file_system ${folder}
}
http://127.0.0.1:${port} {
  reverse_proxy ${backends.map((each) => `127.0.0.1:${each}`).join(' ')} {
    lb_policy round_robin
    lb_try_duration 3s
    fail_duration 10s
    health_uri /up
    health_interval 1s
    health_timeout 1s
    transport http {
      dial_timeout 1s
      response_header_timeout 2s
    }
  }
}
`
    return ['caddy', 'run', '--config', write(folder, 'Caddyfile', config), '--adapter', 'caddyfile']
  },
}

const ours: Rival = {
  name: 'rip-balancer',
  version: ['bun', BALANCER, '--version'],
  command({ folder, port, backends }) {
    const config = {
      listen: `127.0.0.1:${port}`,
      to: backends.map((each) => `127.0.0.1:${each}`),
      // As long as Caddy's `lb_try_duration`.
      waitForBackends: true,
      queue: { timeout: '3s' },
      timeouts: { connect: '1s', response: '2s', responseIdle: '2s' },
      health: { path: '/up', interval: '1s', timeout: '1s' },
    }
    return ['bun', BALANCER, '--config', write(folder, 'balancer.json', JSON.stringify(config))]
  },
}

export const RIVALS: readonly Rival[] = [nginx, haproxy, caddy, ours]

function write(folder: string, name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
