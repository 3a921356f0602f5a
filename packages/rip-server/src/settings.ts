/**
 * The settings a server runs with: how each is spelt, read and explained, for programs that read them from a command
 * line or a file.
 */
export { ServerError } from './errors.ts'
export type { ServerErrorCode, ServerErrorDetail } from './errors.ts'
export type { LogFormat } from './output/log-record.ts'
export type { BalancerSettings } from './settings/balancer-settings.ts'
export type { GivenFlag } from './settings/given-flag.ts'
export { valuesOf } from './settings/own-environment.ts'
export { type Command, commandText } from './settings/command.ts'
export { Unacceptable, durationMs, unacceptableText } from './settings/quantity.ts'
export { fileKey, settingNames, settingSpecs } from './settings/settings.ts'
export type { Mode, SettingName, SettingSpec, Settings } from './settings/settings.ts'
export { shownSetting } from './settings/shown-setting.ts'
export { withoutSecrets } from './settings/without-secrets.ts'
export { MAX_WORKERS } from './settings/defaults.ts'
