export { timeUntil, until } from './condition.ts'
export {
  type Answer,
  Connection,
  type FailureKind,
  type Request,
  RequestFailure,
  sha1,
} from './connection.ts'
export { failureOf } from './failure-of.ts'
export { freePort } from './free-port.ts'
export { Load, type LoadOptions, type LoadOutcome, type LoadReport, type Traffic } from './load.ts'
export { markedBlock } from './marked-block.ts'
export { type Asked, askedBy, checkAnswer, MIXED_TRAFFIC } from './mixed-traffic.ts'
export {
  commandOf,
  cpuMsOf,
  descendantsOf,
  descriptorsOf,
  isAlive,
  processesMarked,
  stateOf,
} from './process-facts.ts'
export { type Finished, Program, PROGRAM } from './program.ts'
export { median, quantile } from './quantile.ts'
export { pathToRealNode } from './real-node.ts'
export { ReleaseSandbox, type ServeOptions } from './release-sandbox.ts'
export { Sandbox } from './sandbox.ts'
export type { Status, WorkerStatus } from './status.ts'
export { TopicClients, type TopicClientsOptions, type TopicReport } from './topic-clients.ts'
export { bashCompletions } from './bash-completion.ts'
