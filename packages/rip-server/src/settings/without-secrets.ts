import type { Settings } from './settings.ts'

const HIDDEN = '(set)'

/** Settings for those who look at them: a key in them is said to be set, and not told. */
export function withoutSecrets<S extends Pick<Settings, 'balancer'>>(settings: S): S {
  const { stickyCookie } = settings.balancer
  if (typeof stickyCookie !== 'object' || stickyCookie.key === undefined) return settings
  return { ...settings, balancer: { ...settings.balancer, stickyCookie: { ...stickyCookie, key: HIDDEN } } }
}
