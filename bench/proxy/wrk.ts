import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadResult } from './load-result.ts'
import type { Shape } from './shape.ts'

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 }

function milliseconds(text: string | undefined): number {
  const match = /^([\d.]+)(us|ms|s|m)$/.exec(text ?? '')
  if (match === null) throw new Error(`wrk printed a duration that is not understood: ${text}`)
  return Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? Number.NaN)
}

/** Reads the output of wrk with `--latency`. */
export function parseWrk(output: string): LoadResult {
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]
  const count = /(\d+) requests in/.exec(output)?.[1]
  if (rate === undefined || count === undefined) throw new Error(`wrk did not finish:\n${output}`)
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? '0'
  return {
    requestsPerSecond: Number(rate),
    requests: Number(count),
    p50Ms: milliseconds(/^\s+50%\s+(\S+)/m.exec(output)?.[1]),
    p99Ms: milliseconds(/^\s+99%\s+(\S+)/m.exec(output)?.[1]),
    failed: (errors?.slice(1) ?? []).reduce((sum, n) => sum + Number(n), Number(refused)),
  }
}

/** Puts a shape's load on a base address for some seconds, over HTTP/1.1. */
export async function wrk(base: string, shape: Shape, seconds: number, folder: string): Promise<LoadResult> {
  const command = ['wrk', '-t1', `-c${shape.connections}`, `-d${seconds}s`, '--latency']
  for (const field of shape.headers ?? []) command.push('-H', field)
  if (shape.postBytes !== undefined) {
    const script = join(folder, `post-${shape.postBytes}.lua`)
    writeFileSync(script, `wrk.method = "POST"\nwrk.body = string.rep("x", ${shape.postBytes})\n`)
    command.push('-s', script)
  }
  command.push(base + shape.path)
  const child = Bun.spawn(command, { stdout: 'pipe', stderr: 'inherit' })
  const output = await new Response(child.stdout).text()
  await child.exited
  return parseWrk(output)
}
