/** How durations, sizes and misspelt words are read, for programs that take them as this balancer does. */
export { durationMs, meantQuantity, sizeBytes } from './config/quantity.ts'
export { didYouMean, suggestion } from './config/suggestion.ts'
