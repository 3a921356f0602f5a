/**
 * Grows between two looks at its own memory, and prints what grew. A process of its own, as what else a process of tests holds
 * grows, too.
 *
 *   bun growing.ts lists|map|once
 */
import { Declarations } from '../../src/inspection/find-declaration.ts'
import { heapSummary } from '../../src/inspection/heap-summary.ts'
import { type MemoryGrowth, type MemoryLooks, memoryGrowth } from '../../src/inspection/memory-growth.ts'

class Visit {
  readonly at: number
  constructor(at: number) {
    this.at = at
  }
}

const visits: Visit[] = []
const byKey = new Map<string, object>()
const cache = { entries: [] as unknown[] }
const sessions = new Map<string, object>()
const largest: object[] = []

function leak(count: number): void {
  for (let n = 0; n < count; n++) {
    visits.push(new Visit(n))
    byKey.set(`key ${byKey.size}`, { n })
    if (n % 2 === 0) cache.entries.push({ n })
  }
}

function open(count: number): void {
  for (let n = 0; n < count; n++) sessions.set(`session ${sessions.size}`, { n })
}

const figures = { rssBytes: 0, heapBytes: 0, outsideBytes: 0, objects: 0, types: {} }

const look = (): MemoryLooks => ({
  figures,
  heap: heapSummary(new Uint8Array(Bun.generateHeapSnapshot('v8', 'arraybuffer'))),
})

const growthSince = (before: MemoryLooks | undefined): MemoryGrowth =>
  memoryGrowth(before, look(), new Declarations(import.meta.dir))

const scenes: Readonly<Record<string, () => MemoryGrowth>> = {
  lists() {
    leak(200)
    const before = look()
    leak(3_000)
    return growthSince(before)
  },
  map() {
    open(200)
    // Right after it took more room.
    const room = (): number => look().heap!.holders.find(({ path }) => path === 'sessions')!.entries
    const full = room()
    while (room() === full) open(500)
    const before = look()
    open(20)
    return growthSince(before)
  },
  once() {
    for (let n = 0; n < 50_000; n++) largest.push({ n })
    return growthSince(undefined)
  },
}

console.log(JSON.stringify(scenes[process.argv[2]!]!()))
