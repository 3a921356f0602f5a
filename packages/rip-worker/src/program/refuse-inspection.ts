import type { WorkerMessage } from '../protocol.ts'
import type { InspectionOrder } from './inspector.ts'

/** Answers for a program that is run by its command, into which this process cannot look. */
export function refuseInspection(
  message: InspectionOrder,
  command: string,
  send: (answer: WorkerMessage) => void,
): void {
  if (message.type === 'send-part') return
  const reason = `it runs ${command}, into which rip-server cannot look; its own runtime can: node and bun take --cpu-prof and --heap-prof`
  send({ type: 'not-inspected', order: message.order, reason })
}
