/** Pages about failures that whoever starts workers shows in their place. */
export { failedStartPage } from './pages/failed-start-page.ts'
export type { FailedStart } from './pages/failed-start-page.ts'
