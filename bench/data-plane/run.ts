/**
 * Runs the balancer of one checkout on sockets in memory, and prints what a request costs: nanoseconds of processor time of
 * the main thread, one figure for each round, as JSON.
 *
 *   bun bench/data-plane/run.ts CHECKOUT SHAPE ROUNDS
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MemoryNetwork } from './memory-network.ts'
import { MESSAGES } from './message.ts'

const CONNECTIONS = 64
/** The compilers have done their work by then. */
const WARMUP_ANSWERS = 250_000
/** A round lasts some 25 ms: most of them are undisturbed. */
const ROUND_ANSWERS = 8_192

const [, , checkout = '', shape = '', rounds = ''] = process.argv

/** Processor time of the main thread (`/proc/PID/schedstat`). */
function mainThreadNs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0])
}

const network = new MemoryNetwork(MESSAGES[shape]!)
const { createBalancer } = (await import(
  join(checkout, 'packages/rip-balancer/src/index.ts')
)) as typeof import('@rip/balancer')
const balancer = createBalancer({
  listen: '127.0.0.1:8080',
  to: ['unix:/in-memory/1.sock', 'unix:/in-memory/2.sock'],
  limits: { connectionsPerAddress: CONNECTIONS },
})
await balancer.start()
network.openClients(CONNECTIONS)
await network.exchange(WARMUP_ANSWERS)
const figures: number[] = []
for (let round = 0; round < Number(rounds); round++) {
  const before = mainThreadNs()
  const answered = network.answered
  await network.exchange(ROUND_ANSWERS)
  figures.push((mainThreadNs() - before) / (network.answered - answered))
}
console.log(JSON.stringify(figures))
process.exit(0)
