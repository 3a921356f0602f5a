import type { UserAccount } from '../settings/user-account.ts'

type Environment = Readonly<Record<string, string>>

/** Variables with folders of the user who started the server, which this user cannot use. */
const OF_THE_STARTER: readonly string[] = [
  'XDG_RUNTIME_DIR',
  'XDG_CACHE_HOME',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
  'XDG_STATE_HOME',
]

/** The environment for that user, with its name and its home, as systemd sets it for `User=`. */
export function tenantEnvironment(env: Environment, { name, home }: UserAccount): Environment {
  const rest = Object.entries(env).filter(([key]) => !OF_THE_STARTER.includes(key))
  return { ...Object.fromEntries(rest), HOME: home, USER: name, LOGNAME: name }
}
