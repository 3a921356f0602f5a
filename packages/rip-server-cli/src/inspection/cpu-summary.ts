import { fileURLToPath } from 'node:url'

/** A profile in the form of V8, as far as it is read here. */
interface V8Profile {
  readonly nodes: readonly ProfileNode[]
  readonly samples: readonly number[]
  /** Microseconds, as the next ones. */
  readonly startTime: number
  readonly endTime: number
}

interface ProfileNode {
  readonly id: number
  readonly callFrame: {
    readonly functionName: string
    readonly url: string
    readonly lineNumber: number
  }
  readonly children?: readonly number[]
  readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[]
}

/** A function of the application, and how much of the time was spent in it. */
export interface HotFunction {
  readonly name: string
  readonly file: string
  /** The line where most of the time went. */
  readonly line: number
  /** Of all samples, with what it calls outside the application; 0 to 1. */
  readonly share: number
  /** What it mostly called there, such as `stringify`. */
  readonly mostly: string | undefined
}

export interface CpuSummary {
  readonly samples: number
  readonly tookMs: number
  /** The hottest first. */
  readonly functions: readonly HotFunction[]
}

const MAX_FUNCTIONS = 10
const LEAST_SHARE = 0.01

/** @throws TypeError, SyntaxError when it is no profile @param isOwn whether a file is of the application */
export function cpuSummary(bytes: Uint8Array, isOwn: (file: string) => boolean): CpuSummary {
  const { nodes, samples, startTime, endTime } = JSON.parse(new TextDecoder().decode(bytes)) as V8Profile
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])))
  const functions = new Map<string, Tally>()
  for (const id of samples) {
    const blamed = blame(id, byId, parents, isOwn)
    if (blamed === undefined) continue
    const { node, called } = blamed
    const { functionName, url, lineNumber } = node.callFrame
    const key = `${url}:${lineNumber}:${functionName}`
    const tally = functions.get(key) ?? new Tally(node)
    functions.set(key, tally)
    tally.add(node, called)
  }
  return {
    samples: samples.length,
    tookMs: Math.round((endTime - startTime) / 1_000),
    functions: [...functions.values()]
      .toSorted((a, b) => b.count - a.count)
      .filter(({ count }) => count / samples.length >= LEAST_SHARE)
      .slice(0, MAX_FUNCTIONS)
      .map((tally) => tally.result(samples.length)),
  }
}

/** The innermost function of the application in a stack, else the innermost one that has a file. */
function blame(
  id: number,
  nodes: ReadonlyMap<number, ProfileNode>,
  parents: ReadonlyMap<number, number>,
  isOwn: (file: string) => boolean,
): { readonly node: ProfileNode; readonly called: string | undefined } | undefined {
  const innermost = nodes.get(id)?.callFrame.functionName
  let fallback: ProfileNode | undefined
  for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
    const node = nodes.get(at)
    if (node === undefined || !node.callFrame.url.startsWith('file:')) continue
    fallback ??= node
    if (isOwn(fileOf(node))) return { node, called: at === id ? undefined : innermost }
  }
  return fallback && { node: fallback, called: fallback.id === id ? undefined : innermost }
}

function fileOf({ callFrame: { url } }: ProfileNode): string {
  return fileURLToPath(url)
}

/** Samples of one function. */
class Tally {
  count = 0
  readonly #node: ProfileNode
  readonly #nodes = new Set<ProfileNode>()
  readonly #called = new Map<string, number>()

  constructor(node: ProfileNode) {
    this.#node = node
  }

  add(node: ProfileNode, called: string | undefined): void {
    this.count++
    this.#nodes.add(node)
    if (called !== undefined) this.#called.set(called, (this.#called.get(called) ?? 0) + 1)
  }

  result(samples: number): HotFunction {
    const { functionName, lineNumber } = this.#node.callFrame
    const [mostly, times = 0] = [...this.#called].toSorted(([, a], [, b]) => b - a)[0] ?? []
    return {
      name: functionName || '(anonymous)',
      file: fileOf(this.#node),
      line: this.#hottestLine() ?? lineNumber + 1,
      share: this.count / samples,
      mostly: times * 2 >= this.count ? mostly : undefined,
    }
  }

  #hottestLine(): number | undefined {
    const ticks = new Map<number, number>()
    for (const { positionTicks = [] } of this.#nodes)
      for (const { line, ticks: count } of positionTicks) ticks.set(line, (ticks.get(line) ?? 0) + count)
    return [...ticks].toSorted(([, a], [, b]) => b - a)[0]?.[0]
  }
}
