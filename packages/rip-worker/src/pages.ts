/** Pages about failures that a supervisor serves in the place of its workers. */
export { failedStartPage } from './pages/failed-start-page.ts'
export type { FailedStart } from './pages/failed-start-page.ts'
