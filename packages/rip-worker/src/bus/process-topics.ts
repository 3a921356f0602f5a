import { Topics } from './topics.ts'

/** Where the topics of a process are found, also by another copy of this package, such as the application's own. */
const KEY = Symbol.for('@rip/worker topics 1')

/** The topics of this process: those of its worker, or without one its own. */
export function processTopics(): Topics {
  const known = (globalThis as Record<symbol, unknown>)[KEY]
  if (known !== undefined) return known as Topics
  const topics = new Topics()
  Object.defineProperty(globalThis, KEY, { value: topics })
  return topics
}
