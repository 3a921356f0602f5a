/**
 * What the balancer's own code costs for each request: its whole data plane on sockets in memory, without the kernel and its noise.
 *
 *   bun run bench data-plane [--shape [h2-][lanes-]small|10k|post-1k]… [--beside CHECKOUT]… [--starts 3] [--rounds 60]
 *
 * lanes- has HTTP/2 to the workers, h2- HTTP/2 from clients: 16 connections with 8 requests at a time.
 * --beside measures the balancer of another checkout as well, in turn with this one.
 * --starts says how many processes measure each of them, as one start of a program differs from the next.
 */
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median, quantile } from '@rip/testing'
import { SHAPES } from './shape.ts'

const OWN_CHECKOUT = fileURLToPath(new URL('../..', import.meta.url))
const RUN = fileURLToPath(new URL('run.ts', import.meta.url))
/** Other processes and the collector of garbage only ever add to a round. */
const UNDISTURBED = 0.1

const { values } = parseArgs({
  options: {
    shape: { type: 'string', multiple: true, default: Object.keys(SHAPES) },
    beside: { type: 'string', multiple: true, default: [] },
    starts: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '60' },
  },
})
const checkouts = [OWN_CHECKOUT, ...values.beside.map((path) => resolve(path))]

/** Nanoseconds a request, round by round. */
function run(checkout: string, shape: string): number[] {
  const { stdout } = Bun.spawnSync([process.execPath, RUN, checkout, shape, values.rounds], {
    stderr: 'inherit',
  })
  return JSON.parse(stdout.toString()) as number[]
}

for (const shape of values.shape) {
  const figures = new Map<string, number[]>(checkouts.map((checkout) => [checkout, []]))
  for (let start = 0; start < Number(values.starts); start++)
    for (const [checkout, all] of figures) all.push(quantile(run(checkout, shape), UNDISTURBED))
  const own = median(figures.get(OWN_CHECKOUT)!)
  for (const [checkout, all] of figures) {
    const ns = median(all)
    console.log(
      `${shape.padEnd(16)} ${String(Math.round(ns)).padStart(6)} ns a request  ${(own / ns).toFixed(2)}×  ${checkout}`,
    )
  }
}
