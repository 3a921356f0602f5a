import type { Handler, Routes } from './application.ts'

/** Routes with each handler replaced, those by method as well; static responses stay what they are. */
export function mapRoutes(routes: Routes, replace: (handler: Handler) => Handler): Record<string, unknown> {
  const mapped = (value: unknown): unknown => {
    if (typeof value === 'function') return replace(value as Handler)
    return isMethodTable(value) ? mapValues(value, mapped) : value
  }
  return mapValues(routes, mapped)
}

function isMethodTable(value: unknown): value is Routes {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

function mapValues(record: Routes, map: (value: unknown) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}
