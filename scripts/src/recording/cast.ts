/** What a terminal got, and when: an asciicast of version 2 (https://docs.asciinema.org/manual/asciicast/v2/). */
export interface Cast {
  readonly columns: number
  readonly rows: number
  readonly outputs: readonly CastOutput[]
}

export interface CastOutput {
  readonly atMs: number
  readonly text: string
}

/** A longer pause is cut to this. */
const MAX_PAUSE_MS = 1_500

export function castText({ columns, rows, outputs }: Cast): string {
  const header = { version: 2, width: columns, height: rows, env: { TERM: 'xterm-256color' } }
  const lines = shortened(outputs).map(({ atMs, text }) => JSON.stringify([seconds(atMs), 'o', text]))
  return `${[JSON.stringify(header), ...lines].join('\n')}\n`
}

export function readCast(text: string): Cast {
  const [header = '', ...lines] = text.trimEnd().split('\n')
  const { width, height } = JSON.parse(header) as { readonly width: number; readonly height: number }
  const outputs = lines.map((line) => {
    const [atSeconds, , output] = JSON.parse(line) as [number, string, string]
    return { atMs: Math.round(atSeconds * 1_000), text: output }
  })
  return { columns: width, rows: height, outputs }
}

function shortened(outputs: readonly CastOutput[]): CastOutput[] {
  let cutMs = 0
  let beforeMs = 0
  return outputs.map(({ atMs, text }) => {
    cutMs += Math.max(0, atMs - beforeMs - MAX_PAUSE_MS)
    beforeMs = atMs
    return { atMs: atMs - cutMs, text }
  })
}

function seconds(ms: number): number {
  return Math.round(ms) / 1_000
}
