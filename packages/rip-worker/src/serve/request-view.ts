/** Computes a property of a request when it is read. */
export interface RequestGetters {
  readonly url?: (request: Request) => string
  readonly signal?: (request: Request) => AbortSignal
}

/**
 * Requests whose `url` and `signal` say what the worker knows of their client, in place of what Bun knows of the
 * connection. They get another prototype for this: that costs nothing until a property is read, and half as much as an
 * own property for each request.
 */
export class RequestView {
  readonly #getters: PropertyDescriptorMap = {}
  /** By the prototype a request had: the routes of `Bun.serve` have one of their own. */
  readonly #prototypes = new WeakMap<object, object>()

  constructor({ url, signal }: RequestGetters) {
    if (url !== undefined) this.#getters['url'] = getter(url)
    if (signal !== undefined) this.#getters['signal'] = getter(signal)
  }

  /** Changes the request itself; a second time changes nothing. */
  show(request: Request): void {
    const native: object = Object.getPrototypeOf(request)
    Object.setPrototypeOf(request, this.#prototypes.get(native) ?? this.#derive(native))
  }

  #derive(native: object): object {
    const shown: object = Object.create(native, this.#getters)
    this.#prototypes.set(native, shown)
    this.#prototypes.set(shown, shown)
    return shown
  }
}

function getter(read: (request: Request) => unknown): PropertyDescriptor {
  return {
    configurable: true,
    get(this: Request) {
      return read(this)
    },
  }
}

/** What Bun says of the request, also when it is shown another way. */
export function nativeValue<Name extends 'url' | 'signal'>(request: Request, name: Name): Request[Name] {
  return Reflect.get(Request.prototype, name, request)
}
