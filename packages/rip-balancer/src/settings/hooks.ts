/** Synchronous hooks; each is looked at once per request. An exception fails that exchange only (500 or 502). */
export interface Hooks {
  /** Sees a request before a backend is chosen; may edit its fields or answer it by returning an answer. */
  readonly onRequest?: (request: RequestView) => LocalAnswer | undefined | void
  /** Sees the head of a final response of a backend; may edit its fields. */
  readonly onResponse?: (response: ResponseView) => void
}

/** A request as hooks see it; valid only during the call. */
export interface RequestView {
  readonly method: string
  readonly target: string
  readonly host: string
  readonly client: ClientView
  readonly requestId: string
  readonly headers: EditableFields
}

/** A response head as hooks see it; valid only during the call. */
export interface ResponseView {
  readonly status: number
  readonly backend: string
  readonly requestId: string
  readonly headers: EditableFields
}

/** The client as hooks see it. */
export interface ClientView {
  /** Address of the client, seen through trusted proxies; `unix` for a peer on a Unix socket. */
  readonly address: string
  readonly scheme: 'http' | 'https'
}

/** Header fields in wire order; names compare without case. Framing and hop-by-hop fields cannot be set. */
export interface EditableFields {
  /** Values joined by `, `, or `undefined`. */
  get(name: string): string | undefined
  /** Replaces all fields of that name. @throws when name or value are not valid HTTP. */
  set(name: string, value: string): void
  /** Adds a field at the end. @throws when name or value are not valid HTTP. */
  append(name: string, value: string): void
  delete(name: string): void
  [Symbol.iterator](): IterableIterator<readonly [name: string, value: string]>
}

/** A complete answer given by the balancer itself. */
export interface LocalAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}
