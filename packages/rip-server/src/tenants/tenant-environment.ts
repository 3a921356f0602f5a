import type { UserAccount } from '../settings/user-account.ts'

type Environment = Readonly<Record<string, string>>

/** Folders of whoever started the server, where the user has no business. */
const OF_THE_STARTER: readonly string[] = [
  'XDG_RUNTIME_DIR',
  'XDG_CACHE_HOME',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
  'XDG_STATE_HOME',
]

/** The environment as that user has it: its name and its home, as under `User=` of systemd. */
export function tenantEnvironment(env: Environment, { name, home }: UserAccount): Environment {
  const rest = Object.entries(env).filter(([key]) => !OF_THE_STARTER.includes(key))
  return { ...Object.fromEntries(rest), HOME: home, USER: name, LOGNAME: name }
}
