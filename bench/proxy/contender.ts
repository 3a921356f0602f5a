import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The setup of a proxy: its addresses, and the sockets of its backends. */
export interface Setup {
  readonly port: number
  readonly tlsPort: number
  readonly cert: string
  readonly key: string
  readonly origins: readonly string[]
  /** TCP port on which all of the backends listen, for a proxy that takes a single address. */
  readonly sharedPort: number
  /** A folder of its own. */
  readonly folder: string
  /** File of an access log with a JSON line per request; with `undefined` nothing is logged. */
  readonly accessLog: string | undefined
}

/** A proxy in the comparison, as the command that runs it in the foreground with one process or thread. */
export interface Contender {
  readonly name: string
  /** Arguments that print its version. */
  readonly version: readonly string[]
  /** Whether it can write an access log to a file by itself. */
  readonly logsToFile: boolean
  /** Whether it speaks HTTP/2 to clients over TLS, or is here for nothing else. */
  readonly http2: 'yes' | 'no' | 'only'
  /** Whether it differs from another contender only in handling request bodies, and is measured only with them. */
  readonly uploadsOnly?: boolean
  /** Whether it takes no request bodies. */
  readonly getsOnly?: boolean
  command(setup: Setup): readonly string[]
}

function file(setup: Setup, name: string, text: string): string {
  mkdirSync(setup.folder, { recursive: true })
  const path = join(setup.folder, name)
  writeFileSync(path, text)
  return path
}

/** Started by root, nginx would otherwise drop the right to reach the sockets. */
const asRoot = process.getuid?.() === 0 ? 'user root;' : ''

/** The fields that rip-balancer logs, as far as nginx has them, written in blocks as rip-balancer does. */
const nginxLog = (path: string): string => `
  log_format line escape=json '{"at":"$time_iso8601","id":"$request_id","client":"$remote_addr","method":"$request_method",'
    '"host":"$host","target":"$request_uri","protocol":"$server_protocol","scheme":"$scheme","status":$status,'
    '"backend":"$upstream_addr","sent":$bytes_sent,"received":$request_length,"responseMs":"$upstream_header_time",'
    '"totalMs":$request_time,"agent":"$http_user_agent","referer":"$http_referer"}';
  access_log ${path} line buffer=64k flush=1s;`

function nginxCommand(setup: Setup, uploads: string): readonly string[] {
  const config = `
daemon off; ${asRoot} worker_processes 1; pid ${setup.folder}/nginx.pid; error_log ${setup.folder}/error.log;
worker_rlimit_nofile 20000;
events { worker_connections 8192; }
http {
  ${setup.accessLog === undefined ? 'access_log off;' : nginxLog(setup.accessLog)} keepalive_requests 1000000000; client_max_body_size 8m; ${uploads}
  client_body_temp_path ${setup.folder}/body; proxy_temp_path ${setup.folder}/proxy; proxy_max_temp_file_size 0;
  fastcgi_temp_path ${setup.folder}/f; uwsgi_temp_path ${setup.folder}/u; scgi_temp_path ${setup.folder}/s;
  upstream app { ${setup.origins.map((path) => `server unix:${path};`).join(' ')} keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${setup.port} backlog=4096;
    listen 127.0.0.1:${setup.tlsPort} ssl http2;
    ssl_certificate ${setup.cert}; ssl_certificate_key ${setup.key}; ssl_protocols TLSv1.2 TLSv1.3;
    location / {
      proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Request-Id $request_id;
    }
  }
}`
  return ['nginx', '-p', setup.folder, '-c', file(setup, 'nginx.conf', config)]
}

/** nginx at its fastest: it reads whole request bodies into memory before it sends them on. */
const nginx: Contender = {
  name: 'nginx',
  version: ['nginx', '-v'],
  logsToFile: true,
  http2: 'yes',
  command: (setup) => nginxCommand(setup, 'client_body_buffer_size 2m;'),
}

/** nginx with its defaults: bodies above 16 KB are first written to a file. */
const nginxDefault: Contender = {
  ...nginx,
  name: 'nginx-default',
  uploadsOnly: true,
  command: (setup) => nginxCommand(setup, ''),
}

/** nginx that passes request bodies on as they arrive, as rip-balancer does. */
const nginxStreaming: Contender = {
  ...nginx,
  name: 'nginx-streaming',
  uploadsOnly: true,
  command: (setup) => nginxCommand(setup, 'proxy_request_buffering off;'),
}

const haproxy: Contender = {
  name: 'haproxy',
  version: ['haproxy', '-v'],
  logsToFile: false,
  http2: 'yes',
  command(setup) {
    const pem = file(setup, 'site.pem', '')
    writeFileSync(pem, Bun.spawnSync(['cat', setup.cert, setup.key]).stdout)
    const servers = setup.origins.map((path, at) => `  server s${at} unix@${path}`).join('\n')
    const config = `
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  http-reuse always
  option forwardfor
frontend web
  http-request set-header X-Forwarded-Proto http
  unique-id-format %{+X}o%ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header X-Request-Id
  bind 127.0.0.1:${setup.port} backlog 4096
  bind 127.0.0.1:${setup.tlsPort} ssl crt ${pem} alpn h2,http/1.1
  default_backend app
backend app
  balance roundrobin
${servers}
`
    return ['haproxy', '-db', '-q', '-f', file(setup, 'haproxy.cfg', config)]
  },
}

const caddy: Contender = {
  name: 'caddy',
  version: ['caddy', 'version'],
  logsToFile: true,
  http2: 'yes',
  command(setup) {
    const to = setup.origins.map((path) => `unix/${path}`).join(' ')
    const log = setup.accessLog === undefined ? '' : `  log {\n    output file ${setup.accessLog}\n  }\n`
    const site = `{\n  bind 127.0.0.1\n${log}  reverse_proxy ${to} {\n    lb_policy round_robin\n  }\n`
    const config = `{
  admin off
  auto_https off
  log {
    level ERROR
  }
}
http://:${setup.port} ${site}}
https://:${setup.tlsPort} ${site}  tls ${setup.cert} ${setup.key}\n}
`
    const path = file(setup, 'Caddyfile', config)
    return [
      'env',
      'GOMAXPROCS=1',
      `HOME=${setup.folder}`,
      'caddy',
      'run',
      '--config',
      path,
      '--adapter',
      'caddyfile',
    ]
  },
}

const PROGRAM = fileURLToPath(import.meta.resolve('@rip/balancer/package.json')).replace(
  'package.json',
  'bin/rip-balancer',
)

const ripBalancer = ripBalancerAt('rip-balancer', PROGRAM)

/** The balancer of another checkout of this repository, measured in the same rounds. */
export function balancerBeside(checkout: string, workerProtocol?: string): Contender {
  const program = join(checkout, 'packages/rip-balancer/bin/rip-balancer')
  return ripBalancerAt(named(`beside-${basename(checkout)}`, workerProtocol), program, workerProtocol)
}

/** The balancer of this checkout, which speaks that protocol to the workers: `http1`, `h2c` or `auto`. */
export function balancerWith(workerProtocol: string): Contender {
  return ripBalancerAt(named('rip-balancer', workerProtocol), PROGRAM, workerProtocol)
}

function named(name: string, workerProtocol: string | undefined): string {
  return workerProtocol === undefined ? name : `${name}-${workerProtocol}`
}

function ripBalancerAt(name: string, program: string, workerProtocol?: string): Contender {
  return {
    name,
    version: ['bun', '--version'],
    logsToFile: true,
    http2: 'yes',
    command: (setup) => ripCommand(setup, program, workerProtocol),
  }
}

function ripCommand(setup: Setup, program: string, workerProtocol?: string): readonly string[] {
  const config = {
    listen: [
      `127.0.0.1:${setup.port}`,
      { address: `127.0.0.1:${setup.tlsPort}`, tls: { cert: setup.cert, key: setup.key } },
    ],
    to: setup.origins.map((path) =>
      workerProtocol === undefined ? `unix:${path}` : { address: `unix:${path}`, http2: true },
    ),
    ...(workerProtocol !== undefined && { workerProtocol }),
    limits: { connectionsPerAddress: 8192 },
    admin: `unix:${setup.folder}/admin.sock`,
    ...(setup.accessLog !== undefined && { accessLog: { format: 'json', file: setup.accessLog } }),
  }
  return [program, '--config', file(setup, 'balancer.json', JSON.stringify(config))]
}

const h2o: Contender = {
  name: 'h2o',
  version: ['h2o', '--version'],
  logsToFile: true,
  http2: 'only',
  command(setup) {
    const config = `
num-threads: 1
${process.getuid?.() === 0 ? 'user: root' : ''}
error-log: ${setup.folder}/error.log
http2-max-concurrent-requests-per-connection: 256
hosts:
  plain:
    listen: { host: 127.0.0.1, port: ${setup.port} }
    paths: &paths
      /:
        proxy.reverse.url: "http://127.0.0.1:${setup.sharedPort}/"
        proxy.timeout.keepalive: 60000
        proxy.preserve-host: ON
  secure:
    listen: { host: 127.0.0.1, port: ${setup.tlsPort}, ssl: { certificate-file: ${setup.cert}, key-file: ${setup.key} } }
    paths: *paths
`
    return ['h2o', '-m', 'worker', '-c', file(setup, 'h2o.conf', config)]
  },
}

const nghttpx: Contender = {
  name: 'nghttpx',
  version: ['nghttpx', '--version'],
  logsToFile: false,
  http2: 'only',
  command: (setup) => [
    'nghttpx',
    '--workers=1',
    '--single-process',
    `--conf=${file(setup, 'nghttpx.conf', '')}`,
    '--log-level=ERROR',
    `--frontend=127.0.0.1,${setup.tlsPort}`,
    `--frontend=127.0.0.1,${setup.port};no-tls`,
    ...setup.origins.map((path) => `--backend=unix:${path}`),
    '--backend-keep-alive-timeout=60s',
    '--add-x-forwarded-for',
    setup.key,
    setup.cert,
  ],
}

function relayCommand(program: URL, { port, tlsPort, cert, key, origins }: Setup): readonly string[] {
  return ['bun', fileURLToPath(program), String(port), String(tlsPort), cert, key, ...origins]
}

/** Not a usable proxy: the bound for every proxy on Bun's sockets. */
const relay: Contender = {
  name: 'relay',
  version: ['bun', '--version'],
  logsToFile: false,
  http2: 'no',
  command: (setup) => relayCommand(new URL('relay.ts', import.meta.url), setup),
}

/** The same with HTTP/2 to the workers. */
const laneRelay: Contender = {
  name: 'lane-relay',
  version: ['bun', '--version'],
  logsToFile: false,
  http2: 'no',
  getsOnly: true,
  command: (setup) => relayCommand(new URL('lane-relay.ts', import.meta.url), setup),
}

/** Ratios refer to the first. */
export const CONTENDERS: readonly Contender[] = [
  nginx,
  haproxy,
  caddy,
  ripBalancer,
  relay,
  laneRelay,
  h2o,
  nghttpx,
  nginxDefault,
  nginxStreaming,
]
