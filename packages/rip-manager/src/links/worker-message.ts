import type {
  BootFailure,
  BootFailureKind,
  LeaveReason,
  UncaughtOrigin,
  WorkerMessage,
} from '@rip/worker/protocol'

/** Longest text of a worker that is kept; the rest is cut off. */
const MAX_TEXT_CHARS = 65_536

type Fields = Readonly<Record<string, unknown>>

const KINDS: readonly BootFailureKind[] = [
  'not-found',
  'compile',
  'import',
  'no-handler',
  'own-port',
  'ready-hook',
  'socket',
  'command',
  'uncaught',
]
const ORIGINS: readonly UncaughtOrigin[] = ['exception', 'rejection']
const REASONS: readonly LeaveReason[] = ['signal', 'supervisor-gone', 'unhealthy']

/** How each message is read: field by field, so that nothing else a worker sends reaches the manager. */
const readers: {
  readonly [T in WorkerMessage['type']]: (fields: Fields) => Extract<WorkerMessage, { type: T }>
} = {
  hello: (fields) => ({
    type: 'hello',
    version: count(fields['version']),
    workerId: count(fields['workerId']),
    pid: count(fields['pid']),
  }),
  listening: (fields) => ({
    type: 'listening',
    socket: text(fields['socket']),
    http2: fields['http2'] === true,
  }),
  ready: (fields) => ({ type: 'ready', bootMs: count(fields['bootMs']), entry: text(fields['entry']) }),
  failed: (fields) => ({ type: 'failed', failure: readBootFailure(fields['failure']) ?? malformed() }),
  beacon: (fields) => ({
    type: 'beacon',
    inFlight: count(fields['inFlight']),
    webSockets: count(fields['webSockets'] ?? 0),
    eventStreams: count(fields['eventStreams'] ?? 0),
    requests: count(fields['requests']),
    rssBytes: count(fields['rssBytes']),
    ...knownCount('freeDescriptors', fields['freeDescriptors']),
    loopLagMs: count(fields['loopLagMs']),
    published: count(fields['published'] ?? 0),
    delivered: count(fields['delivered'] ?? 0),
    dropped: count(fields['dropped'] ?? 0),
  }),
  leaving: (fields) => ({
    type: 'leaving',
    reason: oneOf(REASONS, fields['reason']) ?? malformed(),
    inFlight: count(fields['inFlight']),
  }),
  uncaught: (fields) => ({
    type: 'uncaught',
    origin: oneOf(ORIGINS, fields['origin']) ?? malformed(),
    failure: readBootFailure(fields['failure']) ?? malformed(),
  }),
  'stands-by': (fields) => ({ type: 'stands-by', order: count(fields['order']) }),
  begun: () => ({ type: 'begun' }),
  drained: (fields) => ({ type: 'drained', abandoned: count(fields['abandoned']) }),
  inspected: (fields) => ({
    type: 'inspected',
    order: count(fields['order']),
    bytes: count(fields['bytes']),
  }),
  'not-inspected': (fields) => ({
    type: 'not-inspected',
    order: count(fields['order']),
    reason: text(fields['reason']),
  }),
  part: (fields) => ({
    type: 'part',
    order: count(fields['order']),
    base64: base64(fields['base64']),
  }),
}

/** What a worker said, with the fields the protocol has and no others; `undefined` when it is no message. */
export function readWorkerMessage(value: unknown): WorkerMessage | undefined {
  if (!isRecord(value) || !isType(value['type'])) return undefined
  try {
    return readers[value['type']](value)
  } catch (error) {
    if (error instanceof MalformedField) return undefined
    throw error
  }
}

/**
 * Why an application could not be served, as said by a process that ran code of the application. What it says
 * beside the message is kept where it has the right type; `undefined` when there is no message.
 */
export function readBootFailure(value: unknown): BootFailure | undefined {
  if (!isRecord(value) || typeof value['message'] !== 'string') return undefined
  const { kind, message, file, line, column, frame, stack } = value
  return {
    kind: oneOf(KINDS, kind) ?? 'import',
    message: text(message),
    ...(typeof file === 'string' && { file: text(file) }),
    ...(isCount(line) && { line }),
    ...(isCount(column) && { column }),
    ...(typeof frame === 'string' && { frame: text(frame) }),
    ...(typeof stack === 'string' && { stack: text(stack) }),
  }
}

class MalformedField extends Error {}

function malformed(): never {
  throw new MalformedField()
}

function count(value: unknown): number {
  return isCount(value) ? value : malformed()
}

/** A field that a worker may leave out. */
function knownCount<Name extends string>(name: Name, value: unknown): { readonly [N in Name]?: number } {
  return value === undefined ? {} : ({ [name]: count(value) } as { readonly [N in Name]: number })
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT_CHARS) : malformed()
}

function base64(value: unknown): string {
  const isBase64 = typeof value === 'string' && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value)
  return isBase64 ? value : malformed()
}

function oneOf<T extends string>(values: readonly T[], value: unknown): T | undefined {
  return values.find((known) => known === value)
}

function isType(value: unknown): value is WorkerMessage['type'] {
  return typeof value === 'string' && Object.hasOwn(readers, value)
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}
