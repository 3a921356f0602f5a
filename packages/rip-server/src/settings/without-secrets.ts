import type { Settings } from './settings.ts'

const HIDDEN = '(set)'

/** Settings to be shown: a secret key appears as set, without its value. */
export function withoutSecrets<S extends Pick<Settings, 'balancer'>>(settings: S): S {
  const { stickyCookie } = settings.balancer
  if (typeof stickyCookie !== 'object' || stickyCookie.key === undefined) return settings
  return { ...settings, balancer: { ...settings.balancer, stickyCookie: { ...stickyCookie, key: HIDDEN } } }
}
