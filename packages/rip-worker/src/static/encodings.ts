/** What a file is stored as beside itself, by the ending of that file; the first that a client takes is sent. */
const ENCODINGS = [
  { coding: 'br', ending: '.br' },
  { coding: 'gzip', ending: '.gz' },
] as const

export type Encoding = (typeof ENCODINGS)[number]

/** Kinds of files that build tools compress; looking for copies of others would be in vain. */
const COMPRESSIBLE = /\.(?:html?|css|m?js|json|map|svg|txt|xml|wasm|webmanifest|ico|[to]tf|md|csv)$/i

/** The encodings in which a file may be there, in order of preference. */
export function encodingsOf(path: string): readonly Encoding[] {
  return COMPRESSIBLE.test(path) ? ENCODINGS : []
}

/** Whether a client takes a coding: RFC 9110 section 12.5.3. */
export function accepts(header: string | null | undefined, coding: string): boolean {
  if (!header) return false
  const weights = new Map(header.split(',').map(weightOf))
  return (weights.get(coding) ?? weights.get('*') ?? 0) > 0
}

function weightOf(element: string): readonly [coding: string, weight: number] {
  const [coding = '', ...parameters] = element.split(';').map((part) => part.trim().toLowerCase())
  const q = parameters.find((each) => each.startsWith('q='))
  return [coding, q === undefined ? 1 : Number(q.slice(2)) || 0]
}
