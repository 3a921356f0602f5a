import { ourCommand, problemsOf } from './command-problems.ts'
import { shellCommands } from './shell-words.ts'

/** Keys of systemd 252 that pages use; `bun run peers` asks `systemd-analyze verify` as well. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  Unit: ['Description', 'After', 'Wants', 'Requires', 'StartLimitIntervalSec', 'StartLimitBurst'],
  Service: [
    'Type',
    'User',
    'Group',
    'DynamicUser',
    'ExecStart',
    'ExecStartPre',
    'ExecReload',
    'KillMode',
    'RuntimeDirectory',
    'StateDirectory',
    'LogsDirectory',
    'Environment',
    'EnvironmentFile',
    'LoadCredential',
    'Restart',
    'RestartSec',
    'TimeoutStartSec',
    'TimeoutStopSec',
    'WatchdogSec',
    'LimitNOFILE',
    'OOMPolicy',
    'MemoryMax',
    'AmbientCapabilities',
    'CapabilityBoundingSet',
    'NoNewPrivileges',
    'ProtectSystem',
    'ProtectHome',
    'PrivateTmp',
    'ReadWritePaths',
    'StandardOutput',
  ],
  Socket: ['ListenStream', 'FileDescriptorName', 'Service', 'SocketUser', 'SocketGroup', 'SocketMode'],
  Install: ['WantedBy', 'Also'],
}

/** What is wrong in a unit, or in several that begin with `# name.service` each. A drop-in may lack its section. */
export function unitProblems(text: string): readonly string[] {
  let section: string | undefined
  return text.split('\n').flatMap((line) => {
    if (line === '' || /^[#;]/.test(line)) return []
    const [, name] = /^\[(\w+)\]$/.exec(line) ?? []
    if (name !== undefined) {
      section = name
      return name in KEYS ? [] : [`there is no section ${name}`]
    }
    const [, key = '', value = ''] = /^(\w+)=(.*)$/.exec(line) ?? []
    const known = section === undefined ? Object.values(KEYS).flat() : KEYS[section]!
    if (!known.includes(key)) return [`${section ?? 'a drop-in'} has no key in the line ${line}`]
    return key.startsWith('Exec') ? execProblems(value) : []
  })
}

function execProblems(value: string): readonly string[] {
  const words = shellCommands(value)[0] ?? []
  const command = ourCommand(words)
  const paths = /^[-+!@:]*\//.test(value) ? [] : [`${value} does not begin with an absolute path`]
  return command === undefined ? paths : [...paths, ...problemsOf(command)]
}
