export {
  type ConfigContext,
  type ConfigExport,
  type RipServerConfig,
  defineConfig,
} from '@rip/server/define-config'
export type { Mode } from '@rip/server/settings'
