/** Types for `rip-server.config`; loads nothing else. */
export { defineConfig } from './settings/define-config.ts'
export type { ConfigContext, ConfigExport, RipServerConfig } from './settings/define-config.ts'
