import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quantile } from '@rip/testing'
import type { LoadResult } from './load-result.ts'
import type { Shape } from './shape.ts'

/** Puts a shape's load on a base address for some seconds, over HTTP/2. */
export async function h2load(
  base: string,
  { connections, http2Streams = 1, path, postBytes, headers = [] }: Shape,
  seconds: number,
  folder: string,
): Promise<LoadResult> {
  const log = join(folder, 'h2load.log')
  const command = [
    'h2load',
    '-t1',
    `-c${connections}`,
    `-m${http2Streams}`,
    `-D${seconds}`,
    `--log-file=${log}`,
  ]
  for (const field of headers) command.push('-H', field)
  if (postBytes !== undefined) {
    const body = join(folder, `body-${postBytes}`)
    writeFileSync(body, 'x'.repeat(postBytes))
    command.push('-d', body)
  }
  command.push(base + path)
  const child = Bun.spawn(command, { stdout: 'pipe', stderr: 'inherit' })
  const output = await new Response(child.stdout).text()
  await child.exited
  const times = readLog(log)
  rmSync(log)
  return { ...parseH2load(output), p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) }
}

/** Reads the output of h2load with `-D`. */
export function parseH2load(output: string): Omit<LoadResult, 'p50Ms' | 'p99Ms'> {
  const rate = /finished in [\d.]+\w+, ([\d.]+) req\/s/.exec(output)?.[1]
  const counts = /^requests: .*?(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/m.exec(output)
  const statuses = /^status codes: (\d+) 2xx/m.exec(output)?.[1]
  if (rate === undefined || counts === null || statuses === undefined)
    throw new Error(`h2load did not finish:\n${output}`)
  const [succeeded = 0, failed = 0] = counts.slice(1).map(Number)
  if (!output.includes('Application protocol: h2')) throw new Error(`not HTTP/2:\n${output}`)
  return {
    requestsPerSecond: Number(rate),
    requests: Number(statuses),
    failed: failed + succeeded - Number(statuses),
  }
}

/** The times of all requests in milliseconds. A line has the start, the status and the time, in microseconds. */
function readLog(path: string): number[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  return lines.map((line) => Number(line.split('\t')[2]) / 1000)
}
