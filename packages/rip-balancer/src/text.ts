/** How durations, sizes and misspelt words are read, for programs that take them as this balancer does. */
export { durationMs, meantQuantity, sizeBytes } from './text/quantity.ts'
export { didYouMean, suggestion } from './text/suggestion.ts'
