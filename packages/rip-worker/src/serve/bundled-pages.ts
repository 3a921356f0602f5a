import type { Routes } from '../application/application.ts'
import { reasonOf, WorkerError } from '../errors.ts'

/** An HTML file that was imported: Bun bundles what it refers to. */
export interface BundledPage {
  readonly route: string
  /** Path of the HTML file. */
  readonly file: string
}

/** The pages among routes. */
export function bundledPages(routes: Routes): readonly BundledPage[] {
  return Object.entries(routes).flatMap(([route, value]) => {
    const page = [value, ...methodsOf(value)].find(isBundle)
    return page === undefined ? [] : [{ route, file: page.index }]
  })
}

/**
 * Bundles every page at the start. Bun would do so at the first request for a page, and until then know none of its
 * scripts; but one worker may serve the page and another get the requests for its scripts.
 *
 * @throws WorkerError `RIP_PAGE_FAILED`.
 */
export async function bundlePages(
  pages: readonly BundledPage[],
  ask: (path: string) => Promise<Response>,
): Promise<void> {
  for (const { route, file } of pages) {
    const response = await ask(examplePath(route))
    await response.body?.cancel()
    if (response.status >= 500) throw await failureOf(route, file)
  }
}

/** A path that matches the route. */
function examplePath(route: string): string {
  return route.replace(/:[^/]+/g, '-').replace(/\*$/, '')
}

/** Bundles the page again to learn why it failed, which `Bun.serve` does not tell. */
async function failureOf(route: string, file: string): Promise<WorkerError> {
  try {
    await Bun.build({ entrypoints: [file] })
    return new WorkerError('RIP_PAGE_FAILED', { route, file, reason: 'Bun answers it with status 500' })
  } catch (cause) {
    const [first] = cause instanceof AggregateError ? (cause.errors as readonly unknown[]) : []
    return new WorkerError(
      'RIP_PAGE_FAILED',
      { route, file, reason: reasonOf(first ?? cause) },
      { cause: first ?? cause },
    )
  }
}

function isBundle(value: unknown): value is { readonly index: string } {
  return Object.prototype.toString.call(value) === '[object HTMLBundle]'
}

function methodsOf(value: unknown): readonly unknown[] {
  return typeof value === 'object' && value !== null && !isBundle(value) ? Object.values(value) : []
}
