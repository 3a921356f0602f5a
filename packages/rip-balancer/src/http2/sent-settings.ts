import type { Clock } from '../transport/clock.ts'
import type { FrameOutput } from './frame-output.ts'
import { FRAME } from './frame-type.ts'
import { DEFAULT_WINDOW_BYTES, settingsPayload, type LocalSettings, type Role } from './settings.ts'

/** The peer has so long to acknowledge our SETTINGS. */
const SETTINGS_TIMEOUT_MS = 10_000

/** The SETTINGS of this side: they bind the peer as soon as it has acknowledged them (RFC 9113 §6.5.3). */
export class SentSettings {
  /** What the peer may send on a new stream, as far as it knows. */
  initialWindowBytes: number = DEFAULT_WINDOW_BYTES
  private readonly local: LocalSettings
  private readonly clock: Clock
  /** When the peer has to have acknowledged them; `Infinity` when nothing is awaited. */
  private dueAt = Number.POSITIVE_INFINITY

  constructor(local: LocalSettings, clock: Clock) {
    this.local = local
    this.clock = clock
  }

  get isAwaited(): boolean {
    return this.dueAt !== Number.POSITIVE_INFINITY
  }

  send(role: Role, output: FrameOutput): void {
    const payload = settingsPayload(role, this.local)
    output.write(FRAME.settings, 0, 0, payload, 0, payload.length)
    this.dueAt = this.clock.nowMs + SETTINGS_TIMEOUT_MS
  }

  /** @param now monotonic milliseconds */
  isOverdue(now: number): boolean {
    return now >= this.dueAt
  }

  /** Waits for the acknowledgement no longer. */
  giveUp(): void {
    this.dueAt = Number.POSITIVE_INFINITY
  }

  /** The peer knows them. @returns by how many bytes the window of each open stream grows, which may be negative (§6.9.2) */
  acknowledged(): number {
    this.dueAt = Number.POSITIVE_INFINITY
    const bytes = this.local.streamWindowBytes - this.initialWindowBytes
    this.initialWindowBytes += bytes
    return bytes
  }
}
