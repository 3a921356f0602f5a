/** What has an identifier of a stream, which is an odd number. */
export interface Identified {
  readonly id: number
}

const FIRST_PLACES = 16
const MAX_PLACES = 256

/**
 * Streams by their identifiers. A client counts them up, so that those that are open at a time lie side by side in a ring, and
 * one is found without being looked for; a stream that outlasts hundreds of others moves to a map. With a map alone a request takes
 * a twenty-fifth more time (`bench/data-plane`, lanes-small).
 */
export class OpenStreams<T extends Identified> {
  size = 0
  /** Their number is a power of two. */
  private places: (T | undefined)[] = []
  private readonly displaced = new Map<number, T>()

  get(id: number): T | undefined {
    const stream = this.places[this.placeOf(id)]
    if (stream !== undefined && stream.id === id) return stream
    return this.displaced.size === 0 ? undefined : this.displaced.get(id)
  }

  /** Adds a stream whose identifier is none of those that are here. */
  add(stream: T): void {
    this.size++
    while (this.places[this.placeOf(stream.id)] !== undefined && this.places.length < MAX_PLACES) this.grow()
    if (this.places.length === 0) this.grow()
    this.put(stream)
  }

  remove(id: number): void {
    const place = this.placeOf(id)
    if (this.places[place]?.id === id) this.places[place] = undefined
    else if (!this.displaced.delete(id)) return
    this.size--
  }

  /** All of them, in the order of their identifiers. */
  list(): T[] {
    const streams = [...this.displaced.values()]
    for (const stream of this.places) if (stream !== undefined) streams.push(stream)
    return streams.toSorted((a, b) => a.id - b.id)
  }

  /** Gives up the room that was made for streams. Only while there are none. */
  clear(): void {
    this.places = []
  }

  private placeOf(id: number): number {
    return (id >>> 1) & (this.places.length - 1)
  }

  /** The newer one has the place, as it will be asked for more often. */
  private put(stream: T): void {
    const place = this.placeOf(stream.id)
    const former = this.places[place]
    if (former !== undefined) this.displaced.set(former.id, former)
    this.places[place] = stream
  }

  private grow(): void {
    const former = this.places
    this.places = Array.from({ length: Math.max(FIRST_PLACES, former.length * 2) })
    for (const stream of former) if (stream !== undefined) this.put(stream)
  }
}
