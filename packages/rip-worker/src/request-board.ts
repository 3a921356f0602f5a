/**
 * A file in shared memory on which a worker writes what it is about to run. A worker whose event loop stands still
 * cannot be asked any more; its board can still be read.
 *
 * Layout, in the byte order of the machine: `PLACES` places of `PLACE_BYTES` each: state (1 byte), length of the
 * text (1), padding (6), start in milliseconds since the epoch (8, float), text: request id, line feed, method,
 * space, path, in UTF-8 and cut where the place ends.
 */

/** More requests at the same time are served and not noted. */
const PLACES = 128
const PLACE_BYTES = 256
const TEXT_AT = 16
const MAX_ID_CHARS = 64

const FREE = 0
/** Its handler has the thread. */
const EXECUTING = 1
/** Its handler has returned and has not come to its end. */
const AWAITING = 2

/** A request whose handler has not come to its end. */
export interface RunningRequest {
  readonly method: string
  /** With the query; long ones are cut. */
  readonly path: string
  /** What the balancer calls it, as in the access log. */
  readonly id?: string
  /** Time since the epoch. */
  readonly startedMs: number
  /** Its handler has the thread and has not awaited anything yet: if the event loop stands still, it is to blame. */
  readonly executing: boolean
}

/** Where the worker on this socket keeps its board. */
export function requestBoardPath(socket: string): string {
  return socket.replace(/(?:\.sock)?$/, '.requests')
}

/** What is on a board, what executes first, then in order of age. Nothing when the bytes are no board. */
export function readRequestBoard(file: Uint8Array): readonly RunningRequest[] {
  const bytes = new Uint8Array(file)
  if (bytes.byteLength !== PLACES * PLACE_BYTES) return []
  const requests = Array.from({ length: PLACES }, (_, place) => readPlace(bytes, place * PLACE_BYTES))
  return requests
    .filter((request) => request !== undefined)
    .toSorted((a, b) => Number(b.executing) - Number(a.executing) || a.startedMs - b.startedMs)
}

function readPlace(bytes: Uint8Array<ArrayBuffer>, at: number): RunningRequest | undefined {
  const state = bytes[at]
  if (state !== EXECUTING && state !== AWAITING) return undefined
  const [startedMs = 0] = new Float64Array(bytes.buffer, at + 8, 1)
  const text = new TextDecoder().decode(bytes.subarray(at + TEXT_AT, at + TEXT_AT + (bytes[at + 1] ?? 0)))
  const [id = '', line = ''] = text.split('\n')
  const [method = '', path = ''] = line.split(' ')
  return { method, path, ...(id !== '' && { id }), startedMs, executing: state === EXECUTING }
}

/** The worker's side of the board. */
export class RequestBoard implements AsyncDisposable {
  readonly #path: string
  readonly #bytes: Buffer
  readonly #floats: Float64Array
  readonly #free: number[] = Array.from({ length: PLACES }, (_, index) => PLACES - 1 - index)

  private constructor(path: string, memory: Uint8Array<ArrayBuffer>) {
    this.#path = path
    this.#bytes = Buffer.from(memory.buffer, memory.byteOffset, memory.byteLength)
    this.#floats = new Float64Array(memory.buffer, memory.byteOffset, memory.byteLength / 8)
  }

  /** Undefined where it cannot be made: an application is served without it just as well. */
  static async open(path: string): Promise<RequestBoard | undefined> {
    try {
      // Written out, as touching a page of a sparse file on a full disk kills the process.
      await Bun.write(path, Buffer.alloc(PLACES * PLACE_BYTES), { mode: 0o600 })
      return new RequestBoard(path, Bun.mmap(path, { shared: true }))
    } catch {
      return undefined
    }
  }

  /** Notes a request before its handler is called. Returns its place, -1 when there is none left. */
  enter(method: string, url: string, id: string | null): number {
    const place = this.#free.pop() ?? -1
    if (place === -1) return place
    const at = place * PLACE_BYTES
    const text = `${id === null ? '' : id.slice(0, MAX_ID_CHARS)}\n${method} ${pathOf(url)}`
    this.#bytes[at + 1] = this.#bytes.write(text, at + TEXT_AT, PLACE_BYTES - TEXT_AT)
    this.#floats[at / 8 + 1] = Date.now()
    this.#bytes[at] = EXECUTING
    return place
  }

  /** Its handler has returned, and what it began goes on. Does nothing after `leave`. */
  await(place: number): void {
    const at = place * PLACE_BYTES
    if (place !== -1 && this.#bytes[at] === EXECUTING) this.#bytes[at] = AWAITING
  }

  /** Its handler has come to its end. */
  leave(place: number): void {
    if (place === -1) return
    this.#bytes[place * PLACE_BYTES] = FREE
    this.#free.push(place)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await Bun.file(this.#path).delete()
    } catch {
      // ENOENT: somebody removed the folder.
    }
  }
}

/** Everything after the host of an `http` URL, without parsing it a second time. */
function pathOf(url: string): string {
  const from = url.indexOf('/', 'https://'.length)
  return from === -1 ? '/' : url.slice(from)
}
