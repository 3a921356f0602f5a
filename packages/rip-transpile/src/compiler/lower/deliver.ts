import { id, method, returns, statement } from './js.ts'
import type { Js } from './js.ts'
import type { Lowerer, Sink } from './lowerer.ts'

/** Passes a value to its sink: returns, assigns, collects or drops it. */
export function deliver(l: Lowerer, sink: Sink, value: Js, at: number | undefined = value.at): Js {
  switch (sink.kind) {
    case 'return':
      return returns(l.returned(value), at)
    case 'push':
      return statement(method(id(sink.array), 'push', [value]), at)
    case 'assign':
      return statement(sink.make(value), at)
    default:
      return statement(value, at)
  }
}
