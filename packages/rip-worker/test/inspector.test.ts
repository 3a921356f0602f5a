import { describe, expect, test } from 'bun:test'
import { until } from '@rip/testing'
import type { InspectionKind, MemoryFigures, WorkerMessage } from '../src/protocol.ts'
import { Folder, Supervised } from './helpers.ts'

const LEAKY = `class Order { constructor(n) { this.n = n } }
const orders = []
for (let n = 0; n < 20_000; n++) orders.push(new Order(n))
function burn() { let sum = 0; for (let n = 0; n < 3e6; n++) sum += Math.sqrt(n); return sum }
export default () => new Response(String(burn() + orders.length))`

type Of<T extends WorkerMessage['type']> = Extract<WorkerMessage, { type: T }>

const answersTo = (supervised: Supervised, order: number): readonly WorkerMessage[] =>
  supervised.messages.filter((message) => 'order' in message && message.order === order)

async function found(supervised: Supervised, order: number): Promise<Uint8Array> {
  const answer = await until('it has looked', () => answersTo(supervised, order)[0])
  expect(answer.type).toBe('inspected')
  const { bytes } = answer as Of<'inspected'>
  const parts = (): Of<'part'>[] => answersTo(supervised, order).filter((each) => each.type === 'part')
  for (
    let asked = 1;
    parts()
      .map(({ base64 }) => Buffer.from(base64, 'base64').length)
      .reduce((a, b) => a + b, 0) < bytes;
    asked++
  ) {
    supervised.send({ type: 'send-part', order })
    await until('the part is there', () => parts().length === asked)
  }
  return Buffer.concat(parts().map(({ base64 }) => Buffer.from(base64, 'base64')))
}

interface Found extends MemoryFigures {
  readonly snapshot: { readonly meta: { readonly node_fields: readonly string[] } }
  readonly strings: readonly string[]
  readonly nodes: readonly { readonly callFrame: { readonly functionName: string; readonly url: string } }[]
}

async function look(
  supervised: Supervised,
  order: number,
  kind: InspectionKind,
  forMs = 300,
): Promise<Found> {
  supervised.send({ type: 'inspect', order, kind, forMs })
  return JSON.parse(new TextDecoder().decode(await found(supervised, order))) as Found
}

describe('a worker looks at itself', () => {
  test('memory: how many objects there are, by type', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': LEAKY }))
    await supervised.received('ready')
    const figures = await look(supervised, 1, 'memory')
    expect(figures.objects).toBeGreaterThan(20_000)
    expect(figures.types['Object']).toBeGreaterThan(20_000)
    expect(figures.rssBytes).toBeGreaterThan(10_000_000)
  })

  test('heap: a snapshot in the form of V8, in as many parts as it needs', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': LEAKY }))
    await supervised.received('ready')
    const { snapshot, strings } = await look(supervised, 1, 'heap')
    expect(snapshot.meta.node_fields).toContain('self_size')
    expect(strings).toContain('Order')
    expect(answersTo(supervised, 1).filter(({ type }) => type === 'part').length).toBeGreaterThan(1)
  })

  test('processor: a profile that names function and file, while requests are answered', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': LEAKY }))
    await supervised.received('ready')
    let isOver = false
    const asking = (async () => {
      while (!isOver) await (await supervised.fetch('/')).text()
    })()
    const { nodes } = await look(supervised, 1, 'cpu', 700)
    isOver = true
    await asking
    expect(nodes.map(({ callFrame }) => `${callFrame.functionName} ${callFrame.url}`)).toContain(
      `burn file://${supervised.folder.file('app.js')}`,
    )
  })

  test('what was looked at before is forgotten, and answered with a reason', async () => {
    await using supervised = new Supervised(new Folder({ 'app.js': LEAKY }))
    await supervised.received('ready')
    await look(supervised, 1, 'memory')
    supervised.send({ type: 'send-part', order: 1 })
    const late = await until('it is refused', () =>
      answersTo(supervised, 1).find(({ type }) => type === 'not-inspected'),
    )
    expect(late).toMatchObject({ reason: 'what was found was not fetched in time' })
  })
})
