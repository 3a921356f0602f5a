/** An item whose turn comes at a certain time. */
export interface Due {
  dueAt: number
}

/** Finds the item that is due first: a binary heap, in which a change costs the logarithm of the length. */
export class DueQueue<T extends Due> {
  private readonly heap: T[] = []

  get first(): T | undefined {
    return this.heap[0]
  }

  push(item: T): void {
    const { heap } = this
    let at = heap.length
    heap.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent]!.dueAt <= item.dueAt) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = item
  }

  /** Takes the first one out. */
  shift(): T | undefined {
    const { heap } = this
    const first = heap[0]
    const last = heap.pop()
    if (last !== undefined && heap.length > 0) {
      heap[0] = last
      this.firstPutOff()
    }
    return first
  }

  /** The first one is due later than before. */
  firstPutOff(): void {
    const { heap } = this
    const item = heap[0]
    if (item === undefined) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child + 1 < heap.length && heap[child + 1]!.dueAt < heap[child]!.dueAt) child++
      if (child >= heap.length || heap[child]!.dueAt >= item.dueAt) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = item
  }
}
