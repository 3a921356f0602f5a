/** How durations, sizes and misspelt words are read, `--help` is laid out, and signs are fit for a terminal, for programs that do it as this balancer does. */
export { fitGlyphs, showsGlyphs } from './text/glyphs.ts'
export { HELP_WIDTH, helpRows, wrapped } from './text/help-layout.ts'
export { durationMs, meantQuantity, sizeBytes } from './text/quantity.ts'
export { didYouMean, suggestion } from './text/suggestion.ts'
export { bashWords } from './text/bash-words.ts'
