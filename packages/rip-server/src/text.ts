/** How text about a server is made fit for a terminal. */
export { FORMER_LOG_NAME, LOG_NAME, readRecord } from './output/log-file.ts'
export { logLine } from './output/log-record.ts'
export { nearPath } from './output/near-path.ts'
export { refusalDetail, refusalMessage } from './output/refusal-text.ts'
export { safeText } from './output/safe-text.ts'
