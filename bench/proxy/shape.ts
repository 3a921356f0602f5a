/** One kind of traffic. */
export interface Shape {
  readonly name: string
  readonly path: string
  readonly connections: number
  readonly tls?: boolean
  /** Requests at a time on each connection, which is one of HTTP/2. @default HTTP/1.1, one at a time */
  readonly http2Streams?: number
  /** Size of the body of a POST; absent for GET. */
  readonly postBytes?: number
  /** Extra request fields, as browsers send them. */
  readonly headers?: readonly string[]
  /** Connections opened beforehand that stay silent. */
  readonly idle?: number
  /** Backends behind the proxy. @default 2 */
  readonly backends?: number
  /** Whether every proxy that can writes an access log to a file. */
  readonly log?: boolean
}

const BROWSER_FIELDS = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Language: en-GB,en;q=0.9,de;q=0.8',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Cookie: session=0123456789abcdef0123456789abcdef; theme=dark',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Mode: navigate',
]

export const SHAPES: readonly Shape[] = [
  { name: 'small-64', path: '/small', connections: 64 },
  { name: 'small-1', path: '/small', connections: 1 },
  { name: 'small-8', path: '/small', connections: 8 },
  { name: 'small-256', path: '/small', connections: 256 },
  { name: 'browser-64', path: '/small', connections: 64, headers: BROWSER_FIELDS },
  { name: '10k-64', path: '/10k', connections: 64 },
  { name: '1m-16', path: '/1m', connections: 16 },
  { name: 'post-1k-64', path: '/post', connections: 64, postBytes: 1024 },
  { name: 'post-1m-16', path: '/post', connections: 16, postBytes: 1024 * 1024 },
  { name: 'tls-small-64', path: '/small', connections: 64, tls: true },
  { name: 'tls-10k-64', path: '/10k', connections: 64, tls: true },
  { name: 'h2-16x8', path: '/small', connections: 16, http2Streams: 8, tls: true },
  { name: 'h2-1x100', path: '/small', connections: 1, http2Streams: 100, tls: true },
  { name: 'h2-10k-16x8', path: '/10k', connections: 16, http2Streams: 8, tls: true },
  { name: 'h2-post-1k-16x8', path: '/post', connections: 16, http2Streams: 8, tls: true, postBytes: 1024 },
  { name: 'logged-64', path: '/small', connections: 64, log: true },
  { name: 'idle-3800', path: '/small', connections: 64, idle: 3800 },
  { name: 'backends-8', path: '/small', connections: 64, backends: 8 },
  { name: 'backends-64', path: '/small', connections: 64, backends: 64 },
]
