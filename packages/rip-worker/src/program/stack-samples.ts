/** One sample of the stack, innermost frame first, as JavaScriptCore's sampling profiler reports it. */
export interface StackSample {
  readonly frames: readonly StackSampleFrame[]
}

interface StackSampleFrame {
  readonly name: string
  readonly sourceURL?: string
  readonly line: number
  readonly column: number
}

/** The profiler's line number where it has no position. */
const NO_POSITION = 2 ** 32 - 1

/** The stack seen most often, as the lines of an error's stack. */
export function hottestStack(samples: readonly StackSample[]): readonly string[] {
  const stacks = samples.map(({ frames }) => frames.map(format).join('\n')).filter((stack) => stack !== '')
  const counts = new Map<string, number>()
  for (const stack of stacks) counts.set(stack, (counts.get(stack) ?? 0) + 1)
  const [hottest = ''] = [...counts.keys()].toSorted((a, b) => counts.get(b)! - counts.get(a)!)
  return hottest === '' ? [] : hottest.split('\n')
}

function format({ name, sourceURL, line, column }: StackSampleFrame): string {
  const position = line === NO_POSITION ? '' : `:${line}:${column}`
  const place = sourceURL === undefined || sourceURL === '' ? 'native' : sourceURL + position
  return `    at ${name || '<anonymous>'} (${place})`
}
