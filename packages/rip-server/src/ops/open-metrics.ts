/** Quality of a media type in an `Accept` field (RFC 9110 §12.5.1); 0 when it is not acceptable. */
function qualityOf(accept: string, wanted: RegExp): number {
  const qualities = accept
    .split(',')
    .filter((each) => wanted.test(each.trim()))
    .map((each) => Number(/;\s*q=([\d.]+)/i.exec(each)?.[1] ?? 1))
  return Math.max(0, ...qualities)
}

/** Whether a scraper would rather have OpenMetrics 1.0 than the text format of Prometheus. */
export function prefersOpenMetrics(accept: string): boolean {
  const open = qualityOf(accept, /^application\/openmetrics-text\s*(?:;|$)(?!.*version=(?!1\.0\.0|0\.0\.1))/i)
  const text = qualityOf(accept, /^text\/plain\s*(?:;|$)(?!.*version=(?!0\.0\.4))/i)
  return open > 0 && open >= text
}

/**
 * The text format of Prometheus as OpenMetrics 1.0: families of counters lose the `_total` of their series, those of
 * `_info` are of a type of their own, bounds of buckets are written as numbers with a fraction, and there is an end.
 */
export function asOpenMetrics(text: string): string {
  const lines = text.split('\n').filter((line) => line !== '')
  const types = new Map(lines.flatMap((line) => typeIn(line) ?? []))
  return [
    ...lines.map((line) => (line.startsWith('#') ? declared(line, types) : sample(line))),
    '# EOF',
    '',
  ].join('\n')
}

function typeIn(line: string): [[string, string]] | undefined {
  const [, name, type] = /^# TYPE (\S+) (\w+)$/.exec(line) ?? []
  return name === undefined || type === undefined ? undefined : [[name, type]]
}

function declared(line: string, types: ReadonlyMap<string, string>): string {
  const [, keyword = '', name = '', rest = ''] = /^# (\w+) (\S+) ?(.*)$/.exec(line) ?? []
  const isCounter = types.get(name) === 'counter'
  const isInfo = types.get(name) === 'gauge' && name.endsWith('_info')
  const family = isCounter ? name.replace(/_total$/, '') : isInfo ? name.replace(/_info$/, '') : name
  if (keyword === 'TYPE') return `# TYPE ${family} ${isInfo ? 'info' : rest}`
  return `# ${keyword} ${family} ${rest.replaceAll('"', String.raw`\"`)}`
}

const sample = (line: string): string => line.replace(/([{,]le=")(\d+)(")/, '$1$2.0$3')
