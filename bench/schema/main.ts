/**
 * How many objects a schema of twenty fields checks in a second, compared with Zod and Valibot with the same fields,
 * interleaved in one process.
 *
 *   bun run bench schema [--rounds 15] [--sample-ms 200] [--json FILE]
 *
 * Accepted objects, with all fields or without the optional ones, go through `parse`; refused ones through `safe`.
 * Ratios are per round, so that other load on the machine affects all contenders alike.
 */
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from '@rip/testing'
import { install } from '@rip/transpile/loader'
import { faultsOf, type Parse, valibotParse, zodParse } from './contenders.ts'

interface Validates {
  parse(data: unknown): unknown
  safe(data: unknown): { errors: readonly unknown[] | null }
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    'sample-ms': { type: 'string', default: '200' },
    json: { type: 'string' },
  },
})
const sampleMs = Number(values['sample-ms'])

install()
const { User } = (await import(fileURLToPath(new URL('user.rip', import.meta.url)))) as { User: Validates }

/** Different objects, so that no result can be reused. */
function users(count: number, complete: boolean): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `123e4567-e89b-12d3-a456-${String(index).padStart(12, '0')}`,
    email: `user${index}@example.org`,
    firstName: `First${index}`,
    lastName: 'Last',
    ...(complete && {
      nickname: 'nick',
      phone: '+1 (555) 010-000',
      website: 'https://example.org/',
      bio: 'about '.repeat(index % 20),
      height: 1.5 + (index % 5) / 10,
      newsletter: index % 2 === 0,
    }),
    age: 18 + (index % 80),
    role: ['admin', 'editor', 'user'][index % 3],
    active: index % 3 === 0,
    score: index / 7,
    visits: index,
    country: 'de',
    zip: '12345',
    city: 'Berlin',
    street: `Street ${index}`,
    tags: ['a', 'b', 'c'].slice(index % 3),
  }))
}

const complete = users(1000, true)
const sparse = users(1000, false)
const refused = users(1000, true).map((user, index) =>
  index % 2 === 0 ? { ...user, email: 'nobody' } : { ...user, age: 'old', tags: [1] },
)

const contenders = {
  rip: {
    parse: (input: unknown) => User.parse(input),
    faults: (input: unknown) => User.safe(input).errors?.length ?? 0,
  },
  zod: { parse: zodParse, faults: faultsOf.zod },
  valibot: { parse: valibotParse, faults: faultsOf.valibot },
}
type Name = keyof typeof contenders
const names = Object.keys(contenders) as Name[]

function check(): void {
  for (const inputs of [complete, sparse]) {
    const [first, ...others] = names.map((name) => JSON.stringify(inputs.map(contenders[name].parse)))
    if (others.some((text) => text !== first)) throw new Error('the contenders give different values')
  }
  for (const name of names) {
    const counts = refused.map(contenders[name].faults)
    if (counts.some((count, index) => count !== (index % 2 === 0 ? 1 : 2)))
      throw new Error(`${name} finds other faults`)
  }
}

/** Objects per second during one sample. */
function rate(run: Parse, inputs: readonly unknown[]): number {
  const start = performance.now()
  let count = 0
  let elapsedMs = 0
  while (elapsedMs < sampleMs) {
    for (const input of inputs) run(input)
    count += inputs.length
    elapsedMs = performance.now() - start
  }
  return (count / elapsedMs) * 1000
}

const kinds = [
  { name: 'accepted, all fields', inputs: complete, verb: 'parse' },
  { name: 'accepted, 14 of 20 fields', inputs: sparse, verb: 'parse' },
  { name: 'refused', inputs: refused, verb: 'faults' },
] as const

check()
const rounds = Array.from({ length: Number(values.rounds) + 1 }, (_, round) =>
  kinds.map(({ inputs, verb }) => {
    // Each contender is first in turn.
    const order = names.map((_name, index) => names[(index + round) % names.length]!)
    const rates = order.map((name) => [name, rate(contenders[name][verb], inputs)] as const)
    return Object.fromEntries(rates) as Record<Name, number>
  }),
).slice(1)

const report = kinds.map(({ name }, index) => {
  const samples = rounds.map((round) => round[index]!)
  const perSecond = Object.fromEntries(
    names.map((each) => [each, Math.round(median(samples.map((sample) => sample[each])))]),
  )
  const ratio = (other: Name): number => median(samples.map((sample) => sample.rip / sample[other]))
  return { name, perSecond, toZod: ratio('zod'), toValibot: ratio('valibot') }
})

console.log(`median of ${rounds.length} rounds, ${cpus()[0]?.model}, Bun ${Bun.version}\n`)
for (const { name, perSecond, toZod, toValibot } of report) {
  const rates = names.map((each) => `${each} ${(perSecond[each]! / 1000).toFixed(0)} k/s`).join('  ')
  console.log(`${name.padEnd(27)} ${rates}  ${toZod.toFixed(2)} × zod  ${toValibot.toFixed(2)} × valibot`)
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)
