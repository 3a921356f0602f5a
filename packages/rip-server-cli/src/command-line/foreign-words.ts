const UNIT =
  'systemd starts it, by a unit with Type=notify, Restart=always and ExecStart=/usr/local/bin/rip-server start FOLDER'

/** What people type who know another program, and what it is called here. */
const FOREIGN: Readonly<Record<string, string>> = {
  list: '"rip-server ps" lists what runs',
  ls: '"rip-server ps" lists what runs',
  l: '"rip-server ps" lists what runs',
  monit: '"rip-server top" shows traffic and workers, refreshed each second',
  dash: '"rip-server top" shows traffic and workers, refreshed each second',
  'profile:cpu': '"rip-server inspect w1 --cpu-profile FILE" profiles a worker',
  'profile:heap': '"rip-server inspect w1 --heap-snapshot FILE" writes a snapshot of all objects',
  describe: '"rip-server status NAME" shows one instance',
  desc: '"rip-server status NAME" shows one instance',
  show: '"rip-server status NAME" shows one instance',
  info: '"rip-server status NAME" shows one instance',
  delete: '"rip-server stop NAME" ends an instance and leaves nothing behind',
  del: '"rip-server stop NAME" ends an instance and leaves nothing behind',
  kill: '"rip-server stop NAME --now" ends an instance at once',
  quit: '"rip-server stop" ends an instance',
  log: '"rip-server logs" prints what the workers write',
  flush: 'logs in the run directory are bounded and go with it; see "rip-server logs"',
  startup: UNIT,
  unstartup: UNIT,
  save: `nothing has to be saved: ${UNIT}`,
  resurrect: `nothing has to be saved: ${UNIT}`,
  reset: 'counters begin with a new start: "rip-server restart --manager"',
  sendSignal: 'signals go to the process "rip-server ps" shows',
  run: '"rip-server APP" starts an application',
  serve: '"rip-server APP" starts an application',
  up: '"rip-server APP" starts an application',
  deploy: '"rip-server reload" proves the code on disk, then switches to it',
  new: '"rip-server init FOLDER" writes an application to begin with',
  create: '"rip-server init FOLDER" writes an application to begin with',
  generate: '"rip-server init FOLDER" writes an application to begin with',
  version: '"rip-server --version" prints it',
  env: '"rip-server config --sources" shows the settings and where they come from',
  test: '"rip-server check" proves configuration and application',
}

/** Files that configure other programs. None of them is an application. */
const FOREIGN_FILES: readonly (readonly [name: RegExp, advice: string])[] = [
  [
    /^(?:ecosystem\.config\.[cm]?js|ecosystem\.json|pm2\.json)$/,
    'configures pm2: name its script instead, rip-server start FILE; instances is --workers, max_memory_restart is --max-memory, and env belongs into a .env file',
  ],
  [/^Caddyfile$/, 'configures Caddy: name the application instead, or run it behind Caddy'],
  [
    /^(?:nginx|unicorn)\.conf$|^(?:puma|unicorn)\.rb$/,
    'configures another server: name the application instead, or give its start command, rip-server -- COMMAND',
  ],
]

/** What a file is instead of an application; `undefined` for one that is not known. */
export function foreignFile(path: string): string | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return FOREIGN_FILES.find(([pattern]) => pattern.test(name))?.[1]
}

/** What to type in place of a word of another program; `undefined` for one that is not known. */
export function ourWordsFor(word: string): string | undefined {
  return Object.hasOwn(FOREIGN, word) ? FOREIGN[word] : undefined
}

/** Options of other programs by our command, and what to type in place of them. */
const FOREIGN_OPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  logs: {
    '--tail': '-n N prints the last N lines, and follows',
    '--nostream': '--no-follow ends after the existing lines',
    '-u': '"rip-server logs NAME" prints those of one instance',
    '--instance': '--worker N prints lines of one worker',
    '--err': '"rip-server logs 2>&1 >/dev/null" prints those of standard error',
  },
  events: {
    '-n': '--since 10m prints those of the last ten minutes',
  },
  init: {
    '-t': '--template NAME chooses what it is about',
    '-y': 'it asks nothing',
    '--yes': 'it asks nothing',
    '--force': 'it overwrites nothing; remove what is in the way, or name a new folder',
    '--ts': '--language ts writes TypeScript',
    '--typescript': '--language ts writes TypeScript',
    '--install': 'it installs packages by itself, unless --no-install is given',
  },
  dev: {
    '-H': '--host, or --bind ADDRESS, sets where it listens',
    '--hostname': '--host, or --bind ADDRESS, sets where it listens',
    '--open': 'o in the terminal opens the page',
  },
  start: {
    '-i': '-w N, or -w auto, sets the number of workers',
    '--instances': '-w N, or -w auto, sets the number of workers',
    '--host': '--bind ADDRESS sets where it listens; without it, on all addresses',
    '--hostname': '--bind ADDRESS sets where it listens; without it, on all addresses',
    '--env': 'NODE_ENV is production unless the environment or a .env file sets it',
    '--max-memory-restart': '--max-memory SIZE replaces a worker that takes more',
    '--kill-timeout': '--drain-timeout TIME is how long requests may take at a stop',
    '--listen-timeout': '--boot-timeout TIME is how long a worker may take to start',
    '--cron-restart': '--max-lifetime TIME replaces workers that are older, one after the other',
    '--watch': '"rip-server dev" watches files; in production, --hotfix does',
    '--no-daemon': 'it stays in the foreground; a systemd unit keeps it running',
    '--daemon': 'it stays in the foreground; a systemd unit keeps it running',
    '-d': 'it stays in the foreground; a systemd unit keeps it running',
  },
}

/** Options of other programs with a value behind them, which means nothing alone. */
const WITH_VALUE: ReadonlySet<string> = new Set([
  '-i',
  '--instances',
  '--env',
  '--hostname',
  '-H',
  '--tail',
  '--instance',
  '--max-memory-restart',
  '--kill-timeout',
  '--listen-timeout',
  '--cron-restart',
])

/** Whether the next word is the value of this option of another program. */
export function takesForeignValue(written: string): boolean {
  return WITH_VALUE.has(written)
}

/** What to type in place of an option of another program; `undefined` for one that is not known. */
export function ourOptionFor(command: string, written: string): string | undefined {
  const known = FOREIGN_OPTIONS[command] ?? {}
  return Object.hasOwn(known, written) ? known[written] : undefined
}
