import { readFileSync } from 'node:fs'

/** An option of the configuration as its type documents it. */
export interface DocumentedOption {
  /** `timeouts.header`; members of a list are `to[].weight`. */
  readonly path: string
  readonly meaning: string
  /** A literal, or words; `undefined` for a required option. */
  readonly byDefault: string | undefined
}

const PREFIX: Readonly<Record<string, string>> = {
  BalancerConfig: '',
  ListenerConfig: 'listen[].',
  BackendConfig: 'to[].',
  StickyCookieConfig: 'stickyCookie.',
  LearnedFieldConfig: 'learnedField.',
  BackendTlsConfig: 'backendTls.',
  TimeoutsConfig: 'timeouts.',
  LimitsConfig: 'limits.',
  ForwardingConfig: 'forwarding.',
  AccessLogConfig: 'accessLog.',
}

const sourceOf = (file: string): string => readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8')

/** Every option with its doc comment, in the order of the source, TLS to backends behind them; groups are not options. */
export function documentedOptions(): DocumentedOption[] {
  const config = sourceOf('config/config.ts')
  const timeoutsAt = config.indexOf('export interface TimeoutsConfig')
  const source = config.slice(0, timeoutsAt) + sourceOf('settings/backend-tls.ts') + config.slice(timeoutsAt)
  const options: DocumentedOption[] = []
  let prefix = ''
  let group = ''
  let comment = ''
  for (const line of source.split('\n')) {
    const text = line.trim()
    if (text.startsWith('/**')) comment = ''
    if (/^(?:\/\*\*|\*)/.test(text)) comment += ` ${text.replace(/^\/?\*+\/?|\*\/$/g, '').trim()}`
    const declared = /^export interface (\w+)/.exec(text)?.[1]
    if (declared !== undefined) prefix = PREFIX[declared] ?? `${declared}?.`
    if (text === '}') group = ''
    const [, name, type = ''] = /^readonly (\w+)\??: (.*)$/.exec(text) ?? []
    if (name === undefined) continue
    if (type === '{') group = `${name}.`
    else if (!type.endsWith('Config')) options.push({ path: prefix + group + name, ...meaningOf(comment) })
    comment = ''
  }
  return options
}

function meaningOf(comment: string): Pick<DocumentedOption, 'meaning' | 'byDefault'> {
  const [meaning = '', byDefault] = comment.split('@default')
  return { meaning: meaning.trim(), byDefault: byDefault?.trim() }
}

/** The rows of the table in the README, without the spaces that align them. */
export function optionRows(): string[] {
  return documentedOptions().map(
    ({ path, meaning, byDefault = '–' }) => `| \`${path}\` | ${shown(byDefault)} | ${meaning} |`,
  )
}

const isLiteral = (text: string): boolean => /^(?:'[^']*'|\d+|true|false|\[.*\])$/.test(text)

const shown = (text: string): string => (isLiteral(text) ? `\`${text}\`` : text)
