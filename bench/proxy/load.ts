import { h2load } from './h2load.ts'
import type { LoadResult } from './load-result.ts'
import type { Shape } from './shape.ts'
import { wrk } from './wrk.ts'

/** Puts a shape's load on a base address for some seconds. */
export function load(base: string, shape: Shape, seconds: number, folder: string): Promise<LoadResult> {
  return shape.http2Streams === undefined
    ? wrk(base, shape, seconds, folder)
    : h2load(base, shape, seconds, folder)
}
