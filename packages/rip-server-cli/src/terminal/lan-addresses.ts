import { readFileSync } from 'node:fs'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'

/** An address at which other machines reach this one. */
export interface LanAddress {
  /** As it stands in a URL. */
  readonly host: string
  /** Name of the network interface. */
  readonly through: string
}

/** Interfaces between this machine and containers or virtual machines on it: nothing else is reached by them. */
const VIRTUAL =
  /^(?:docker|br-|veth|virbr|vmnet|vboxnet|vnet|cni|flannel|cali|cilium|lxcbr|lxdbr|podman|utun|bridge\d|awdl|llw)/
/** Addresses that a machine gives itself when no network has given it one (RFC 3927, RFC 4291). */
const LINK_LOCAL = /^(?:169\.254\.|fe[89ab])/i

type Interfaces = ReturnType<typeof networkInterfaces>

/**
 * The addresses of this machine in its networks, for a server that listens on all of them. First the interface by which the
 * Internet is reached, where that is known.
 *
 * @param host what it listens on: `0.0.0.0`, or `::` for IPv6 as well; for any other there is nothing to find
 */
export function lanAddresses(
  host: string,
  interfaces: Interfaces = networkInterfaces(),
  main: string | undefined = mainInterface(),
): readonly LanAddress[] {
  if (host !== '0.0.0.0' && host !== '::') return []
  const found = Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses
      .filter((each) => isReached(each, host))
      .map((each) => ({ host: hostText(each), through: name })),
  )
  const real = found.filter(({ through }) => !VIRTUAL.test(through))
  const shown = real.length > 0 ? real : found
  return shown.toSorted((a, b) => Number(b.through === main) - Number(a.through === main))
}

function isReached({ address, family, internal }: NetworkInterfaceInfo, host: string): boolean {
  return !internal && !LINK_LOCAL.test(address) && (family === 'IPv4' || host === '::')
}

function hostText({ address, family }: NetworkInterfaceInfo): string {
  return family === 'IPv6' ? `[${address}]` : address
}

/** Of the default route; `undefined` where the system does not tell it in a file. */
function mainInterface(): string | undefined {
  try {
    const routes = readFileSync('/proc/net/route', 'utf8').split('\n').slice(1)
    return routes.map((line) => line.split('\t')).find(([, destination]) => destination === '00000000')?.[0]
  } catch {
    return undefined
  }
}
