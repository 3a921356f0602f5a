/**
 * Runs the balancer of one checkout on sockets in memory, and prints what a request costs: nanoseconds of processor time of
 * the main thread, one figure for each round, as JSON.
 *
 *   bun bench/data-plane/run.ts CHECKOUT SHAPE ROUNDS
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MemoryNetwork } from './memory-network.ts'
import { peersFor } from './peers.ts'
import { SHAPES } from './shape.ts'

/** The compilers have done their work by then. */
const WARMUP_ANSWERS = 250_000
/** A round lasts some 25 ms: most of them are undisturbed. */
const ROUND_ANSWERS = 8_192

const [, , checkout = '', name = '', rounds = ''] = process.argv
const shape = SHAPES[name]!

/** Processor time of the main thread (`/proc/PID/schedstat`). */
function mainThreadNs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0])
}

const network = new MemoryNetwork(peersFor(shape.message, shape))
const { createBalancer } = (await import(
  join(checkout, 'packages/rip-balancer/src/index.ts')
)) as typeof import('@rip/balancer')
const balancer = createBalancer({
  listen: { address: '127.0.0.1:8080', http2: shape.client === 'http2' },
  to: [1, 2].map((n) => ({ address: `unix:/in-memory/${n}.sock`, http2: true })),
  workerProtocol: shape.worker === 'http2' ? 'h2c' : 'http1',
  limits: { connectionsPerAddress: 1_024 },
})
await balancer.start()
network.openClients(shape.connections)
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
