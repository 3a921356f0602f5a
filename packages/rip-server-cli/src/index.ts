export { defineConfig } from './config/define-config.ts'
export type { ConfigContext, ConfigExport, RipServerConfig } from './config/define-config.ts'
export type { Mode } from './config/settings.ts'
