/**
 * The contract between a worker and its supervisor: the environment a worker is started with, and the messages on its
 * control socket. Each side imports this file and nothing else of the other.
 *
 * Transport: the worker connects to the Unix socket named by `RIP_CONTROL` and the two sides exchange
 * frames. A frame is a 4-byte big-endian length followed by that many bytes of UTF-8 JSON. The supervisor
 * closing the connection (or dying) means: drain, then exit.
 */

/** Raised when a message changes its meaning. A peer that speaks another version is refused by name. */
export const PROTOCOL_VERSION = 1

export { encodeFrame, FrameDecoder, FrameError, MAX_FRAME_BYTES } from './frames.ts'
export type { FrameErrorCode } from './frames.ts'

/**
 * Sent to the main thread of a ready worker whose beacons stay away, and again each `STUCK_SAMPLING_MS` for as long as
 * it lives: it writes `STUCK_HEADING` and the stack of what blocks its event loop to standard error, and ends itself by
 * SIGKILL. A worker that does not know the signal, the kernel's for "too much processor time" (signal(7)), is ended
 * by it.
 */
export const STUCK_SIGNAL = 'SIGXCPU'

/** How long a worker that cannot tell at once looks at itself. */
export const STUCK_SAMPLING_MS = 150

/** The line before the stack, whose lines are those of an error's. */
export const STUCK_HEADING = 'the event loop is stuck'

/**
 * Ending, added to the path of a supervised worker's socket, of the socket on which the balancer tells it of clients
 * that have left: one line for each, `REQUEST-ID ADDRESS PORT`, as in the fields `X-Request-Id`, `X-Real-IP` (else `-`)
 * and `X-Real-Port` (else `0`).
 */
export const NOTICES_SUFFIX = '.left'

/** Environment of a worker process. Every value is text; absent means "standalone". */
export interface WorkerEnvironment {
  /** Path of the Unix socket the application is served on. */
  readonly RIP_SOCKET: string
  /** Number of the slot this process fills, starting at 1; stable across respawns. */
  readonly RIP_WORKER_ID?: string
  /** Identifier of the generation of code this process runs. */
  readonly RIP_GENERATION?: string
  /** Folder of the snapshot to load code from; absent means load from disk. */
  readonly RIP_SNAPSHOT?: string
  /** Path of the supervisor's control socket. */
  readonly RIP_CONTROL?: string
  /** Address under which clients reach the application, which prints it and links to it. */
  readonly RIP_PUBLIC_URL?: string
  /** `development` shows error pages with code; `production` hides details. */
  readonly RIP_MODE?: WorkerMode
  /** Requests served at once by this process. */
  readonly RIP_CONCURRENCY?: string
  /** Milliseconds after which the supervisor gives up on a worker that is not ready. */
  readonly RIP_BOOT_TIMEOUT_MS?: string
  /**
   * `1` where several workers run as one user, not the supervisor's: each keeps the others out of its memory and sends
   * them no signals, as far as the system can enforce it.
   */
  readonly RIP_APART?: '1'
  /** Folders of files that are answered before the application: a JSON list of `StaticFolder`. */
  readonly RIP_STATIC?: string
  /**
   * `1` in a process that was started ahead of need: everything else above follows as a JSON object in one line of
   * its standard input.
   */
  readonly RIP_STANDBY?: '1'
  /**
   * Name of the background process this is: it listens on no socket, is `ready` when it has loaded what can be loaded
   * without beginning its work, begins with `resume`, and says `begun`.
   */
  readonly RIP_BACKGROUND?: string
  /** The program to run as a background process instead of a module: its words as a JSON array. */
  readonly RIP_BACKGROUND_COMMAND?: string
}

export type WorkerMode = 'development' | 'production'

/** Why an application could not be served. */
export type BootFailureKind =
  | 'not-found'
  | 'compile'
  | 'import'
  | 'no-handler'
  | 'own-port'
  | 'ready-hook'
  | 'socket'
  | 'config'
  | 'command'
  /** It serves, and something was thrown outside of a request. */
  | 'uncaught'

export interface BootFailure {
  readonly kind: BootFailureKind
  /** One sentence: what happened, with which value, and what to do. */
  readonly message: string
  /** File of the application the failure points at, if known. */
  readonly file?: string
  readonly line?: number
  readonly column?: number
  /** Excerpt of the source with the position marked, as plain text. */
  readonly frame?: string
  readonly stack?: string
}

/** Where something uncaught came from: a throw, or a promise. */
export type UncaughtOrigin = 'exception' | 'rejection'

/** What a worker tells its supervisor. */
export type WorkerMessage =
  | { readonly type: 'hello'; readonly version: number; readonly workerId: number; readonly pid: number }
  /** `http2`: HTTP/2 in plain text is taken on the socket as well as HTTP/1.1. */
  | { readonly type: 'listening'; readonly socket: string; readonly http2?: boolean }
  | { readonly type: 'ready'; readonly bootMs: number; readonly entry: string }
  | { readonly type: 'failed'; readonly failure: BootFailure }
  | ({ readonly type: 'beacon' } & WorkerVitals)
  | { readonly type: 'leaving'; readonly reason: LeaveReason; readonly inFlight: number }
  /** In development: something was thrown outside of a request, and the worker serves on. */
  | { readonly type: 'uncaught'; readonly origin: UncaughtOrigin; readonly failure: BootFailure }
  /** The order to stand by was followed: what the application runs once, it has ended. */
  | { readonly type: 'stands-by'; readonly order: number }
  /** A background process has begun its work, and did not fail at once. */
  | { readonly type: 'begun' }
  | { readonly type: 'drained'; readonly abandoned: number }
  /** What `inspect` asked for can be fetched by `send-part`, so many bytes. */
  | { readonly type: 'inspected'; readonly order: number; readonly bytes: number }
  /** What `inspect` asked for cannot be had: why, for the operator. */
  | { readonly type: 'not-inspected'; readonly order: number; readonly reason: string }
  /** Bytes of it in base64, {@link PART_BYTES} of them but for the last part. */
  | { readonly type: 'part'; readonly order: number; readonly base64: string }

/** How much of an inspection is sent in one message. */
export const PART_BYTES = 393_216

/**
 * What can be looked at in a process: `memory`, the answer is a {@link MemoryFigures}; `cpu`, a profile of the next
 * milliseconds; `heap`, a snapshot of all objects, while which the event loop stands still. Both are JSON in the form of
 * V8, which Chrome opens.
 */
export type InspectionKind = 'memory' | 'cpu' | 'heap'

/** Memory of a process, after garbage has been collected. */
export interface MemoryFigures {
  readonly rssBytes: number
  /** Of objects, with what they keep outside the heap. */
  readonly heapBytes: number
  /** Of what they keep outside the heap, such as the bytes of buffers. */
  readonly outsideBytes: number
  readonly objects: number
  /** Objects by type, the most frequent first. */
  readonly types: Readonly<Record<string, number>>
}

/** What a process has to do with topics, since its start. */
export interface MessageCounts {
  /** Messages it published. */
  readonly published: number
  /** Messages of other processes that it got. */
  readonly delivered: number
  /** Messages it published that another process did not get, counted for each of them. */
  readonly dropped: number
}

/** Sent at a fixed interval: proof that the event loop turns, with the figures supervision needs. */
export interface WorkerVitals extends MessageCounts {
  /** Requests that are being answered, without those of the two counts that follow. */
  readonly inFlight: number
  readonly webSockets: number
  readonly eventStreams: number
  readonly requests: number
  readonly rssBytes: number
  /** File descriptors that can still be opened, at most; absent where that is not known. */
  readonly freeDescriptors?: number
  /** Longest delay of the event loop since the last beacon. */
  readonly loopLagMs: number
}

/** Where workers of one instance meet. */
export interface BusPlace {
  /** Folder that they alone, and the supervisor, can enter. */
  readonly folder: string
  /** What they know and no other process does: text. */
  readonly key: string
}

/** Why a worker asks to be replaced. */
export type LeaveReason = 'signal' | 'supervisor-gone' | 'unhealthy'

/** What a supervisor tells a worker. */
export type SupervisorMessage =
  | {
      readonly type: 'welcome'
      readonly version: number
      readonly beaconMs: number
      /** Stand by from the start, until `resume`; absent: be active once ready. */
      readonly standby?: boolean
      /** Where the workers of the instance meet to tell each other what is published; absent: they do not. */
      readonly bus?: BusPlace
    }
  /** Other code serves, or the worker is about to leave: end what runs once, and say `stands-by` with this number. */
  | { readonly type: 'standby'; readonly order: number }
  /** The worker serves, and no other with its number is active. Sent to ready workers only. */
  | { readonly type: 'resume' }
  /** The server stops: end WebSockets and event streams, which have no end of their own, while requests go on. */
  | { readonly type: 'end-streams' }
  /** Finish what runs, take nothing new, exit with code 0 when done or at the deadline. */
  | { readonly type: 'drain'; readonly deadlineMs: number }
  | { readonly type: 'ping' }
  /** Look at this process; answered by `inspected` or `not-inspected`. A new order takes the place of the one before. */
  | {
      readonly type: 'inspect'
      readonly order: number
      readonly kind: InspectionKind
      /** For how long, where that matters. */
      readonly forMs: number
    }
  /** The next part of what was asked for; after the last one it is forgotten. */
  | { readonly type: 'send-part'; readonly order: number }
