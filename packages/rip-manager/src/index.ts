export type { Backend, DrainReport, GenerationId, Upstreams } from './upstreams.ts'
