const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const
const HEIGHTS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const

/** A bar of so many cells; the part that is not filled stays blank. @param share from 0 to 1; what is outside counts as that */
export function bar(share: number, cells: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)) * cells * 8)
  const full = Math.floor(eighths / 8)
  return ('█'.repeat(full) + EIGHTHS[eighths % 8]!).padEnd(cells)
}

/** A bar on a ground of light blocks, so that what is missing can be seen. */
export function progressBar(share: number, cells: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * cells)
  return '█'.repeat(full) + '░'.repeat(cells - full)
}

/**
 * A value per cell as a height, relative to the greatest. What is not known is a blank; 0 is a blank, too, if there is
 * nothing else, so that silence is not drawn as a wave.
 */
export function sparkline(values: readonly (number | undefined)[]): string {
  const most = values.reduce<number>((greatest, value) => Math.max(greatest, value ?? 0), 0)
  return values
    .map((value) => {
      if (value === undefined || most <= 0) return ' '
      if (value <= 0) return HEIGHTS[0]
      return HEIGHTS[Math.min(7, Math.max(0, Math.ceil((value / most) * 8) - 1))]!
    })
    .join('')
}
