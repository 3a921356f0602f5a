import type { WorkerMessage } from '@rip/worker/protocol'

type FieldType = 'number' | 'string' | 'object'

/** Fields each message must have; what the manager reads is checked once, here. */
const fields: Readonly<Record<WorkerMessage['type'], Readonly<Record<string, FieldType>>>> = {
  hello: { version: 'number', workerId: 'number', pid: 'number' },
  listening: { socket: 'string' },
  ready: { bootMs: 'number', entry: 'string' },
  failed: { failure: 'object' },
  beacon: { inFlight: 'number', requests: 'number', rssBytes: 'number', loopLagMs: 'number' },
  leaving: { reason: 'string', inFlight: 'number' },
  drained: { aborted: 'number' },
}

export function isWorkerMessage(value: unknown): value is WorkerMessage {
  if (!isRecord(value) || !isType(value['type'])) return false
  return Object.entries(fields[value['type']]).every(([name, type]) => hasType(value[name], type))
}

function isType(value: unknown): value is WorkerMessage['type'] {
  return typeof value === 'string' && Object.hasOwn(fields, value)
}

function hasType(value: unknown, type: FieldType): boolean {
  return type === 'object' ? isRecord(value) && typeof value['message'] === 'string' : typeof value === type
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
