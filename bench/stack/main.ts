/**
 * The whole stack: everything from the listening socket to the answer of a small application with two workers, as
 * requests per second and processor time of all its processes. The product beside `Bun.serve` with nothing in front of
 * it, nginx in front of `Bun.serve`, and nginx in front of unicorn (Debian packages); what is not installed is left out.
 *
 *   bun run bench stack [--starts 3] [--rounds 2] [--seconds 3] [--warmup 5] [--connections 64] [--protocol http1]…
 *
 * Every round puts the load on each in turn, so that a change of the machine's speed affects all of them; --starts
 * repeats all of it with new processes. Prints medians, and ratios to the first.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort, until } from '@rip/testing'
import { load } from '../proxy/load.ts'
import { type Sample, shapeText, summary } from '../proxy/report.ts'
import type { Shape } from '../proxy/shape.ts'
import { type Contender, PEERS, ripServerWith } from './contender.ts'
import { Running } from './running.ts'

const { values } = parseArgs({
  options: {
    starts: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '3' },
    warmup: { type: 'string', default: '5' },
    connections: { type: 'string', default: '64' },
    protocol: { type: 'string', multiple: true, default: ['http1', 'h2c'] },
  },
})
const shape: Shape = {
  name: `small-${values.connections}`,
  path: '/small',
  connections: Number(values.connections),
}
const seconds = Number(values.seconds)

const contenders = [...PEERS, ...values.protocol.map(ripServerWith)].filter(({ needs }) =>
  needs.every((program) => Bun.which(program) !== null),
)
const scratch = mkdtempSync(join(tmpdir(), 'rip-stack-'))
const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]))
try {
  for (let start = 0; start < Number(values.starts); start++) await measureOneStart()
  const results = [...samples].map(([name, taken]) => [name, summary(taken)] as const)
  console.log(shapeText(shape.name, Object.fromEntries(results)))
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

async function measureOneStart(): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const running: Running[] = []
  for (const contender of contenders) running.push(stack.use(await launch(contender)))
  for (const { base } of running) await load(base, shape, Number(values.warmup), scratch)
  for (let round = 0; round < Number(values.rounds); round++)
    for (const each of running) samples.get(each.name)!.push(await each.sample(shape, seconds, scratch))
}

async function launch(contender: Contender): Promise<Running> {
  const port = freePort()
  const folder = join(scratch, String(port))
  mkdirSync(folder)
  const running = new Running(contender, port, folder)
  await until(`${contender.name} answers`, () =>
    fetch(`${running.base}/small`).then(
      (response) => response.ok,
      () => false,
    ),
  )
  return running
}
