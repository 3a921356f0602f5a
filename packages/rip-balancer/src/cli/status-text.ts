import type { BalancerStatus } from '../admin/admin-protocol.ts'
import { type CertificateStatus, dayOf } from '../tls/certificate.ts'
import { oneLine } from '../text/one-line.ts'
import type { BackendStatus, PoolStatus } from '../pool/pool-status.ts'
import { textTable } from './text-table.ts'

const HEAD = [
  'BACKEND',
  'STATE',
  'IN FLIGHT',
  'TUNNELS',
  'STREAMS',
  'HTTP/2',
  'REQUESTS',
  'FAILURES',
  'WEIGHT',
  'WHY',
] as const

/** What a balancer does, for people. */
export function statusText(status: BalancerStatus): string {
  const facts = [
    `up ${upText(status.uptimeMs)}`,
    counted(status.processes.length, 'process', 'processes'),
    counted(status.connections, 'connection', 'connections'),
    counted(status.requests, 'request', 'requests'),
    `${status.inFlight} in flight`,
    counted(status.serverErrors, 'server error', 'server errors'),
  ]
  const lines = [
    ...status.listening.map((url) => `listening ${url}`),
    ...status.certificates.map(certificateLine),
    facts.join(', '),
    ...status.pools.flatMap((pool) => ['', ...poolLines(pool)]),
  ]
  return `${lines.join('\n')}\n`
}

function certificateLine({ file, names, expiresAtMs, problem }: CertificateStatus): string {
  const line = `certificate ${oneLine(file)}, for ${names.map(oneLine).join(', ') || 'no host'}, until ${dayOf(expiresAtMs)}`
  return problem === null ? line : `${line}; what is in the file now is not used: ${oneLine(problem)}`
}

function poolLines({ name, generation, queued, ejections, backends }: PoolStatus): string[] {
  const facts = [
    `pool ${oneLine(name)}`,
    ...(generation === null ? [] : [`generation ${oneLine(generation)}`]),
    `${queued} queued`,
    counted(ejections, 'ejection', 'ejections'),
  ]
  if (backends.length === 0) return [facts.join(', '), 'no backends']
  return [facts.join(', '), ...textTable([HEAD, ...backends.map(row)])]
}

function row({
  id,
  state,
  inFlight,
  tunnels,
  eventStreams,
  lanes,
  laneStreams,
  maxInFlight,
  requests,
  failures,
  weight,
  reason,
}: BackendStatus): string[] {
  const places = `${inFlight}/${maxInFlight}`
  const shared = lanes === 0 ? '-' : `${laneStreams} on ${lanes}`
  const counts = [requests, failures, weight].map(String)
  const held = [String(tunnels), String(eventStreams), shared]
  return [oneLine(id), state, places, ...held, ...counts, oneLine(reason ?? '')]
}

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`

/** The two largest units. */
function upText(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const
  const first = parts.findIndex(([count]) => count > 0)
  if (first === -1) return '0 s'
  return parts
    .slice(first, first + 2)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ')
}
