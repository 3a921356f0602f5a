/** How durations, sizes and misspelt words are read, and `--help` is laid out, for programs that do it as this balancer does. */
export { HELP_WIDTH, helpRows, wrapped } from './text/help-layout.ts'
export { durationMs, meantQuantity, sizeBytes } from './text/quantity.ts'
export { didYouMean, suggestion } from './text/suggestion.ts'
export { bashWords } from './text/bash-words.ts'
