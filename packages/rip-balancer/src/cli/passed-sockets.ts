import type { BalancerConfig, ListenerConfig } from '../config/config.ts'
import type { ProgramIo } from './program-io.ts'

/** See sd_listen_fds(3). */
const FIRST_FD = 3
/** Address of sockets with a name: what follows is no number. */
const NAMED = /^fd:(?!\d{1,4}$)(.+)$/s

/** Which sockets an address `fd:NAME` stands for. */
export interface SocketNames {
  /** `fd:N` of all sockets there are. */
  readonly addresses: readonly string[]
  /** `fd:N` of each of them; the address itself if it has another form. */
  resolve(address: string): readonly string[]
  /** What is wrong with the address, if there is no such socket. */
  problem(address: string): string | undefined
}

/**
 * The sockets that a service manager passes to this process, with the names that socket units give them as
 * `FileDescriptorName`; see sd_listen_fds_with_names(3).
 */
export class PassedSockets implements SocketNames {
  readonly addresses: readonly string[]
  private readonly names: readonly string[]

  constructor(env: ProgramIo['env']) {
    const count = Number(env['LISTEN_FDS'] ?? 0)
    const isForUs = env['LISTEN_PID'] === undefined || Number(env['LISTEN_PID']) === process.pid
    const fds =
      isForUs && Number.isInteger(count) ? Array.from({ length: count }, (_, at) => FIRST_FD + at) : []
    this.addresses = fds.map((fd) => `fd:${fd}`)
    this.names = env['LISTEN_FDNAMES']?.split(':') ?? []
  }

  resolve(address: string): readonly string[] {
    const name = NAMED.exec(address)?.[1]
    return name === undefined ? [address] : this.addresses.filter((_, at) => this.names[at] === name)
  }

  problem(address: string): string | undefined {
    if (this.resolve(address).length > 0) return undefined
    const passed = this.addresses.map((each, at) => `${this.names[at] ?? 'unnamed'} (${each})`)
    return `no socket from systemd has the name of ${address}; it passes ${passed.join(', ') || 'none'}`
  }
}

/** For a configuration that is only checked: whatever name it has, the socket will be passed. */
export const anySockets: SocketNames = {
  addresses: [],
  resolve: (address) => [NAMED.test(address) ? `fd:${FIRST_FD}` : address],
  problem: () => undefined,
}

type Listen = BalancerConfig['listen']

/** What is said is listened on, else the sockets that were passed. */
export function listenOf({ listen }: BalancerConfig, { addresses }: SocketNames): Listen {
  return listen === undefined && addresses.length > 0 ? addresses : listen
}

/** The same listeners, each on all sockets that its address stands for. What is no listener is left for the check of the configuration. */
export function onSockets(listen: Listen, sockets: SocketNames): Listen {
  if (isList(listen)) return listen.flatMap((each) => onSockets(each, sockets) ?? [])
  const address = addressOf(listen)
  if (address === undefined || !NAMED.test(address)) return listen
  const addresses = sockets.resolve(address)
  return typeof listen === 'object' ? addresses.map((each) => ({ ...listen, address: each })) : addresses
}

/** Listeners whose sockets are not there, each with its path in the configuration. */
export function missingSockets(
  listen: Listen,
  sockets: SocketNames,
  path: string = 'listen',
): readonly string[] {
  if (isList(listen)) return listen.flatMap((each, at) => missingSockets(each, sockets, `${path}[${at}]`))
  const address = addressOf(listen)
  const problem = address === undefined ? undefined : sockets.problem(address)
  return problem === undefined ? [] : [`${path}.address: ${problem}`]
}

/** `Array.isArray` does not narrow readonly lists. */
const isList = (listen: Listen): listen is readonly (string | ListenerConfig)[] => Array.isArray(listen)

function addressOf(listen: unknown): string | undefined {
  if (typeof listen === 'string') return listen
  const address: unknown =
    typeof listen === 'object' && listen !== null && 'address' in listen ? listen.address : undefined
  return typeof address === 'string' ? address : undefined
}
