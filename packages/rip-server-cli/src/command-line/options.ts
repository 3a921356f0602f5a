import { settingNames, settingSpecs } from '@rip/server/settings'

/** One flag as the command line sees it. */
export interface Option {
  readonly flag: string
  readonly short?: string
  /** Placeholder of the value; a switch has none. */
  readonly value?: string
  readonly summary: string
  readonly fallbackText?: string
  /** The values it may have, or such as it often has. */
  readonly choices?: readonly string[]
  /** Whether it may be given several times; the values are joined by commas. */
  readonly repeatable?: true
}

/** Serves the local network in development: another way to say `--bind`. */
export const LAN_FLAG = 'host'

/** Flags that change a command or its output, not the settings of a server. */
const plainOptions: readonly Option[] = [
  {
    flag: 'config',
    short: 'C',
    value: 'FILE',
    summary: 'configuration file',
    fallbackText: 'rip-server.config.*',
  },
  {
    flag: LAN_FLAG,
    summary: 'as --bind 0.0.0.0: serve the local network, and show its address as a QR code',
  },
  { flag: 'json', summary: 'print data as JSON' },
  { flag: 'quiet', short: 'q', summary: 'print only errors' },
  { flag: 'verbose', short: 'v', summary: 'also print each worker that starts and ends' },
  { flag: 'no-color', summary: 'print without colours' },
  { flag: 'help', short: 'h', summary: 'print this text' },
  { flag: 'version', short: 'V', summary: 'print the version' },
  { flag: 'timeout', value: 'TIME', summary: 'longest wait for the outcome', fallbackText: '2m' },
  { flag: 'follow', short: 'f', summary: 'go on with new lines, as it does unless told otherwise' },
  { flag: 'no-follow', summary: 'end after the existing lines' },
  {
    flag: 'since',
    value: 'TIME',
    summary: 'only what is younger: 10m, 2h, 14:30, today, 2026-05-04T14:30',
  },
  { flag: 'worker', value: 'N', repeatable: true, summary: 'only lines of this worker, or program' },
  {
    flag: 'grep',
    short: 'g',
    value: 'PATTERN',
    summary: 'only lines that match; without capitals in it, letters of any case do',
  },
  { flag: 'names', summary: 'print the names alone, one a line, without asking them anything' },
  { flag: 'man', summary: 'print the whole as a page for man: rip-server help --man | man -l -' },
  { flag: 'lines', short: 'n', value: 'N', summary: 'of the existing lines only the last N' },
  { flag: 'timestamps', summary: 'print when each line was written before it' },
  { flag: 'past', summary: 'begin with the earlier events that are kept, up to 1000' },
  { flag: 'now', summary: 'do not wait for requests that are being answered' },
  { flag: 'reason', value: 'TEXT', summary: 'shown in the events, such as "deploy 42"' },
  { flag: 'force', summary: 'serve the code even if it was taken back or rolled back from before' },
  {
    flag: 'wait',
    summary: 'wait until the answers are no longer watched; exit 8 when the code is taken back',
  },
  { flag: 'manager', summary: 'replace the whole server: a new process takes over from the running one' },
  { flag: 'routes', summary: 'also show the slowest routes, and the latest requests that failed' },
  { flag: 'cpu', summary: 'name the functions that take the time, from a profile' },
  { flag: 'memory', summary: 'name what grows, from two looks at all objects' },
  { flag: 'cpu-profile', value: 'FILE', summary: 'as --cpu, and write the profile, which Chrome opens' },
  { flag: 'heap-snapshot', value: 'FILE', summary: 'write a snapshot of all objects, which Chrome opens' },
  {
    flag: 'for',
    value: 'TIME',
    summary: 'how long is profiled, or lies between two looks; at most 1m',
    fallbackText: '5s',
  },
  {
    flag: 'template',
    value: 'NAME',
    summary: 'what it is about: plain, hono, elysia, api (SQLite) or chat (WebSockets)',
    fallbackText: 'plain',
    choices: ['plain', 'hono', 'elysia', 'api', 'chat'],
  },
  {
    flag: 'language',
    value: 'NAME',
    summary: 'rip, or ts for TypeScript',
    fallbackText: 'rip; ts beside a tsconfig.json',
    choices: ['rip', 'ts'],
  },
  { flag: 'no-install', summary: 'only write files, and install no packages' },
  { flag: 'interval', value: 'TIME', summary: 'from one look to the next; 100ms to 1h', fallbackText: '1s' },
  { flag: 'sources', summary: 'show where each value comes from' },
  { flag: 'out', short: 'o', value: 'FOLDER', summary: 'write files there instead of printing' },
  { flag: 'map', short: 'm', summary: 'also write source maps' },
  { flag: 'types', short: 't', summary: 'also write .d.ts files' },
  { flag: 'watch', summary: 'compile again when files change' },
]

const settingOptions: readonly Option[] = settingNames.map((name) => settingSpecs[name])

/** Every flag by its long name. */
export const options: ReadonlyMap<string, Option> = new Map(
  [...settingOptions, ...plainOptions].map((option) => [option.flag, option]),
)

/** Flags every command understands. */
export const COMMON_FLAGS: readonly string[] = ['no-color', 'help', 'version']

/** Flags that name the running instance. */
export const INSTANCE_FLAGS: readonly string[] = ['name', 'run-dir']

/** Flags that give settings of a server. */
export const SETTING_FLAGS: readonly string[] = [
  ...settingNames.map((name) => settingSpecs[name].flag),
  'config',
]
