import type { ResolvedConfig } from './config/resolve-config.ts'
import { DataPlane } from './exchange/data-plane.ts'
import { LearnedField } from './exchange/learned-field.ts'
import type { ExchangeObserver, ExchangeRecord } from './exchange/record.ts'
import { StickyCookie } from './exchange/sticky-cookie.ts'
import type { Metrics } from './metrics/metrics.ts'
import { PageScript } from './page-script/page-script.ts'
import { errorPages } from './pages/error-pages.ts'
import type { LearnedKeys } from './pool/learned-keys.ts'
import type { Pool } from './pool/pool.ts'
import { SideClaims } from './pool/side-claims.ts'
import type { StickyNames } from './pool/sticky-names.ts'
import type { Hooks } from './settings/hooks.ts'
import type { BackendTlsSettings } from './tls/backend-tls.ts'

/** What a data plane works with, beside the configuration. */
export interface PlaneParts {
  readonly config: ResolvedConfig
  readonly hooks: Hooks
  readonly pool: Pool
  readonly names: StickyNames
  readonly learned: LearnedKeys
  readonly backendTls: BackendTlsSettings
  readonly observer: ExchangeObserver
  readonly metrics: Metrics
  readonly warn: (message: string) => void
}

/**
 * The data plane that a configuration asks for.
 *
 * @param previous the one it replaces
 */
export function configuredPlane(parts: PlaneParts, previous?: DataPlane): DataPlane {
  const { names, pool, learned: keys, backendTls, observer, warn } = parts
  const { pageScript: declared, ...config } = parts.config
  const { onRequest, onResponse } = parts.hooks
  const hooks = { ...(onRequest && { onRequest }), ...(onResponse && { onResponse }) }
  const sticky = config.stickyCookie && new StickyCookie(config.stickyCookie, names)
  const learned = config.policy === 'learn' ? new LearnedField(config.learnedField.name, keys) : undefined
  const settings = { ...config, backendTls, hooks, errorPages, observer, sticky, learned }
  if (declared === undefined) return new DataPlane(settings, pool, previous)
  const pageScript = new PageScript(declared.path, warn)
  const claims = new SideClaims(pool, declared.backend, (target) => pageScript.owns(target))
  const quiet = withoutScript(parts, claims)
  return new DataPlane({ ...settings, pageScript, observer: quiet }, claims, previous)
}

/** What a page's script asks for is no business of the application's log. */
function withoutScript({ observer, metrics }: PlaneParts, { side }: SideClaims): ExchangeObserver {
  return {
    ...observer,
    ended: (record: ExchangeRecord) => {
      if (record.backend === side.id) metrics.ended(record)
      else observer.ended(record)
    },
  }
}
