import { INSTANCE_FLAGS, LAN_FLAG, SETTING_FLAGS } from './options.ts'

export interface Command {
  readonly name: string
  /** What follows the name. */
  readonly usage: string
  readonly summary: string
  /** What is said while it is waited for; absent for what goes on until it is ended, or tells itself what it does. */
  readonly busy?: string
  /** How many words it takes, at most. */
  readonly maxWords: number
  readonly minWords?: number
  readonly flags: readonly string[]
  /** What flags mean here, where that is not what they mean elsewhere. */
  readonly explains?: Readonly<Record<string, string>>
  /** Flags that it understands and that change nothing here: help does not show them. */
  readonly idleFlags?: readonly string[]
  readonly examples: readonly [string, string]
  /** The flag that a word such as `-200` stands for, as tail(1) and others take it. */
  readonly countFlag?: string
  /** Takes compact words such as `w:4` and a bare port. */
  readonly compact?: true
  /** Whether its arguments are handed on unchanged to another program. */
  readonly handsOn?: true
}

const serving = { usage: '[app] [options]', maxWords: 1, compact: true } as const
/** Also takes the start command of the application. */
const running = { ...serving, usage: '[app] [options] [-- command]' } as const
const TALK = ['quiet', 'verbose', 'json'] as const
const ASKING = [...INSTANCE_FLAGS, 'json', 'quiet'] as const
const COMMANDING = [...ASKING, 'timeout', 'reason'] as const
/** Commands to a running instance: the word names its application. */
const toInstance = { usage: '[app]', maxWords: 1 } as const
/** What these flags mean to a command that looks for a running instance. */
const FINDING: Readonly<Record<string, string>> = {
  name: 'the running instance of this name, as ps shows it',
  'run-dir': 'the running instance with this run directory',
}
/** Settings of the balancer. */
const BALANCING = ['port', 'bind', 'tls-cert', 'tls-key', 'max-body', 'access-log'] as const
const DEVELOPING = ['allow-host', 'install', 'no-live'] as const

export const commands: readonly Command[] = [
  {
    ...running,
    name: 'start',
    summary: 'serve an application in production: one worker per core, no file watching',
    flags: [...SETTING_FLAGS, ...TALK],
    idleFlags: DEVELOPING,
    examples: ['rip-server w:4 c:8 r:1000 8080 ./shop', 'rip-server --port 8080 --health /up -- npm start'],
  },
  {
    ...running,
    name: 'dev',
    summary: 'serve an application while you edit it: file watching, error page, fewer workers',
    flags: [LAN_FLAG, ...SETTING_FLAGS, ...TALK],
    examples: ['rip-server dev ./shop --host', 'rip-server dev -- npm run dev'],
  },
  {
    name: 'init',
    usage: '[folder] [options]',
    summary: 'write an application to begin with, with tests; overwrites nothing',
    busy: 'writing files, and installing what they need',
    maxWords: 1,
    flags: ['template', 'language', 'no-install', 'quiet'],
    examples: ['rip-server init shop', 'rip-server init chat --template chat --language ts'],
  },
  {
    ...toInstance,
    name: 'reload',
    busy: 'reloading',
    summary: 'check code and configuration on disk, then switch; exit 8 or 5 when refused',
    flags: [...COMMANDING, 'wait', 'force'],
    examples: ['rip-server reload --wait', 'rip-server reload --name shop --reason "deploy 42"'],
  },
  {
    name: 'restart',
    busy: 'restarting',
    usage: '[app|NAME]',
    maxWords: 1,
    summary: 'replace every worker, or the background process NAME, by a fresh process of the same code',
    flags: [...COMMANDING, 'manager'],
    examples: ['rip-server restart', 'rip-server restart --manager'],
  },
  {
    ...toInstance,
    name: 'rollback',
    busy: 'rolling back',
    summary: 'return to the previous code, unless that was taken back itself (exit 8)',
    flags: [...COMMANDING, 'force'],
    examples: ['rip-server rollback', 'rip-server rollback --reason "orders fail"'],
  },
  {
    ...toInstance,
    name: 'stop',
    busy: 'stopping: requests finish',
    summary: 'finish running requests, then end every process',
    flags: [...ASKING, 'timeout', 'now'],
    examples: ['rip-server stop', 'rip-server stop --now'],
  },
  {
    name: 'scale',
    busy: 'starting or ending workers',
    usage: 'N|+N|-N [app]',
    summary: 'change the number of workers',
    minWords: 1,
    maxWords: 2,
    flags: ASKING,
    examples: ['rip-server scale 8', 'rip-server scale +1'],
  },
  {
    ...toInstance,
    name: 'hold',
    summary: 'suspend reloads, for example during a migration',
    flags: ASKING,
    examples: ['rip-server hold', 'rip-server hold --name shop'],
  },
  {
    ...toInstance,
    name: 'resume',
    summary: 'allow reloads again',
    flags: ASKING,
    examples: ['rip-server resume', 'rip-server resume --name shop'],
  },
  {
    ...toInstance,
    name: 'release',
    summary: 'the former name of resume',
    flags: ASKING,
    examples: ['rip-server release', 'rip-server release --name shop'],
  },
  {
    ...toInstance,
    name: 'status',
    busy: 'asking the server',
    summary: 'show code, workers, last refusal; exit 1 when unhealthy, or bad code is on disk',
    flags: [...ASKING, 'routes'],
    explains: { quiet: 'print nothing: the exit code tells' },
    examples: ['rip-server status --routes', 'rip-server status --json'],
  },
  {
    name: 'inspect',
    busy: 'looking into the worker',
    usage: '[WORKER] [app]',
    summary: 'show the requests of a worker, what takes its time, and what fills its memory',
    maxWords: 2,
    flags: [...ASKING, 'cpu', 'memory', 'cpu-profile', 'heap-snapshot', 'for'],
    examples: [
      'rip-server inspect w1 --cpu',
      'rip-server inspect w1 --memory --heap-snapshot w1.heapsnapshot',
    ],
  },
  {
    name: 'trace',
    busy: 'looking for the request',
    usage: 'ID [app]',
    summary: 'show what is known of one request, by its id: its state, and what the log has',
    minWords: 1,
    maxWords: 2,
    flags: ASKING,
    examples: [
      'rip-server trace 468862ac5a33fcd5071c-0000000p',
      'rip-server trace 468862ac5a33fcd5071c-0000000p --json',
    ],
  },
  {
    name: 'why',
    busy: 'following imports',
    usage: 'FILE [app]',
    summary: 'say whether a file is part of the application, why, and what a change of it does',
    minWords: 1,
    maxWords: 2,
    flags: ASKING,
    examples: ['rip-server why public/logo.svg', 'rip-server why node_modules/hono/dist/index.js --json'],
  },
  {
    name: 'ps',
    busy: 'asking the servers',
    usage: '',
    summary: 'list every instance of this user',
    maxWords: 0,
    flags: ['json', 'names', 'quiet'],
    examples: ['rip-server ps', 'rip-server ps --json | jq ".[].url"'],
  },
  {
    ...toInstance,
    name: 'logs',
    summary: 'print recent output of the workers, and follow it',
    flags: [...ASKING, 'follow', 'no-follow', 'lines', 'since', 'worker', 'grep', 'timestamps', 'log-format'],
    countFlag: 'lines',
    explains: { 'log-format': 'text, json, or raw (as written) (text; json with --json)' },
    examples: [
      'rip-server logs -n 200 --worker 1',
      'rip-server logs --since 10m --grep "timed? ?out" --no-follow',
    ],
  },
  {
    ...toInstance,
    name: 'events',
    summary: 'print events as they happen, with --past earlier ones, too',
    flags: [...ASKING, 'follow', 'no-follow', 'past', 'since'],
    examples: ['rip-server events --since 1h --no-follow', 'rip-server events --json | jq .type'],
  },
  {
    ...toInstance,
    name: 'top',
    summary: 'watch traffic, workers, slow routes and failures; ? shows the keys',
    flags: [...INSTANCE_FLAGS, 'interval', 'json'],
    examples: ['rip-server top', 'rip-server top --json --interval 10s | jq .figures.p95Ms'],
  },
  {
    ...running,
    name: 'check',
    busy: 'starting the application in a temporary worker',
    summary: 'check configuration and application in one temporary worker',
    flags: [...SETTING_FLAGS, 'json', 'quiet'],
    idleFlags: DEVELOPING,
    examples: ['rip-server check', 'rip-server check ./shop --health /up'],
  },
  {
    ...running,
    name: 'config',
    busy: 'reading the configuration',
    summary: 'show the settings in effect, and where they come from',
    flags: [...SETTING_FLAGS, 'json', 'sources', 'quiet'],
    examples: ['rip-server config --sources', 'rip-server config w:4 ./shop --json'],
  },
  {
    name: 'explain',
    usage: '[command line]',
    summary: 'say what the words of a command line mean, and which settings come of them',
    maxWords: Infinity,
    flags: [],
    handsOn: true,
    examples: ['rip-server explain w:4 c:8 8080', 'rip-server explain dev ./shop --host'],
  },
  {
    name: 'doctor',
    busy: 'looking at this machine',
    usage: '',
    summary: 'check this machine and its servers, and say what to type for each finding',
    maxWords: 0,
    flags: ['json', 'quiet'],
    explains: { quiet: 'print only what should be changed' },
    examples: ['rip-server doctor', 'rip-server doctor --json'],
  },
  {
    name: 'balancer',
    usage: '[app] [options]',
    summary: 'run only the balancer, joined to the manager of an application, or for --to servers',
    maxWords: Infinity,
    compact: true,
    flags: [
      'app',
      'port',
      'bind',
      'tls-cert',
      'tls-key',
      'max-body',
      'access-log',
      'drain-timeout',
      'config',
      ...INSTANCE_FLAGS,
    ],
    handsOn: true,
    examples: [
      'rip-server balancer ./shop --port 8080',
      'rip-server balancer --listen :8080 --to 127.0.0.1:3000 --to unix:/run/app.sock',
    ],
  },
  {
    ...running,
    name: 'manager',
    summary: 'run only the manager and its workers, each on a Unix socket',
    flags: [...SETTING_FLAGS, ...TALK],
    idleFlags: [...BALANCING, ...DEVELOPING],
    examples: ['rip-server manager ./shop', 'rip-server manager w:2 ./shop'],
  },
  {
    ...serving,
    name: 'worker',
    summary: 'run only one worker, in this process',
    flags: ['app', 'port', 'bind', 'concurrency', 'config', 'quiet'],
    examples: ['rip-server worker ./shop', 'rip-server worker 8080 ./shop'],
  },
  {
    name: 'compile',
    usage: 'FILE|FOLDER… [options]',
    summary: 'compile .rip to JavaScript; - is standard input',
    minWords: 1,
    maxWords: Infinity,
    flags: ['out', 'map', 'types', 'watch', 'quiet'],
    examples: ['rip-server compile app.rip', 'rip-server compile src --out build --map'],
  },
  {
    name: 'run',
    usage: 'FILE|-e CODE [arguments]',
    summary: 'run a .rip program in this terminal, also by #!/usr/bin/env -S rip-server run',
    handsOn: true,
    maxWords: Infinity,
    flags: [],
    examples: ['rip-server run tidy.rip --all', 'rip-server run -e "p 6 * 7"'],
  },
  {
    name: 'help',
    usage: '[command]',
    summary: 'explain a command',
    maxWords: 1,
    flags: ['json', 'man'],
    examples: ['rip-server help reload', 'rip-server help --man | man -l -'],
  },
  {
    name: 'completion',
    usage: 'bash|zsh|fish',
    summary: 'print a script with which the shell completes commands, flags and names',
    minWords: 1,
    maxWords: 1,
    flags: [],
    examples: [
      'rip-server completion bash > /etc/bash_completion.d/rip-server',
      'rip-server completion fish > ~/.config/fish/completions/rip-server.fish',
    ],
  },
]

/** The command of `rip-server` without one. */
export const DEFAULT_COMMAND = 'start'

/** What a flag means to a command, where that is not what it means elsewhere. */
export function explanationOf({ flags, explains }: Command, flag: string): string | undefined {
  const finds = INSTANCE_FLAGS.includes(flag) && !flags.includes('config')
  return explains?.[flag] ?? (finds ? FINDING[flag] : undefined)
}

export function commandNamed(name: string): Command | undefined {
  return commands.find((command) => command.name === name)
}
