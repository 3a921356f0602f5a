import { realpathSync, type Stats, statSync } from 'node:fs'
import { type Field, isFresh, rangeAsked } from './conditional.ts'
import { accepts, type Encoding, encodingsOf } from './encodings.ts'
import { isHashedName } from './hashed-name.ts'
import type { StaticFolder } from './static-folder.ts'

const YEAR_S = 31_536_000
const IMMUTABLE = `public, max-age=${YEAR_S}, immutable`
/** Of how many files it is remembered that they lie in their folder. */
const MAX_KNOWN = 10_000
/** May be kept, and is compared each time: RFC 9111 section 5.2.2.4. */
const REVALIDATED = 'no-cache'

/** The part of a file that is sent; `end` is the first byte that is not. */
export interface StaticBody {
  readonly file: string
  readonly start: number
  readonly end: number
  /** Whether it is all of the file. */
  readonly isWhole: boolean
}

/** An answer without the transport that sends it. */
export interface StaticAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Absent for HEAD, too. */
  readonly body?: StaticBody
}

export interface StaticFilesOptions {
  readonly folders: readonly StaticFolder[]
  /** In development no file is taken from a cache unasked, whatever its name is. @default false */
  readonly isChanging?: boolean
}

/** A folder with where it really is, if it is there. */
interface Place extends StaticFolder {
  readonly real: string | undefined
}

/** A file that a request found, with the encoding in which it is there. */
interface Found {
  readonly file: string
  readonly stats: Stats
  readonly encoding?: Encoding | undefined
}

/**
 * Finds the files that requests ask for, as they are on disk at that moment. A path with a part that starts with a dot is
 * never one, except below `/.well-known/`; nor is one that leads out of its folder, by `..` or a link.
 */
export class StaticFiles {
  readonly #places: readonly Place[]
  /** Paths that are known to lie in their folder, with the file they were looked up for. */
  readonly #known = new Map<string, string>()
  readonly #isChanging: boolean

  constructor({ folders, isChanging = false }: StaticFilesOptions) {
    this.#places = folders.map((each) => ({ ...each, real: realPath(each.folder) }))
    this.#isChanging = isChanging
  }

  /**
   * Answers a request for one of the files; `undefined` leaves it to the application.
   *
   * @param target path of the request, perhaps with a query
   */
  answer(method: string, target: string, field: Field): StaticAnswer | undefined {
    if (method !== 'GET' && method !== 'HEAD') return undefined
    const query = target.indexOf('?')
    const path = decoded(query < 0 ? target : target.slice(0, query))
    if (path === undefined) return undefined
    for (const place of this.#places) {
      const below = pathBelow(place.at, path)
      if (below === undefined || place.real === undefined) continue
      const file = this.#fileAt(place, below)
      // A WebSocket may have the path of a page.
      if (file !== undefined && field('upgrade')) return undefined
      if (file === 'folder of a page') return redirect(target, query)
      if (file !== undefined) return this.#send(method, path, place, file, field)
    }
    return undefined
  }

  /**
   * Answers what a browser navigates to, and neither a file nor the application has: with `404.html`, else with the page
   * of a single-page application.
   */
  answerNavigation(method: string, field: Field): StaticAnswer | undefined {
    if ((method !== 'GET' && method !== 'HEAD') || !isNavigation(field)) return undefined
    for (const place of this.#places) {
      if (place.real === undefined || place.pages === false) continue
      const missing = this.#fileIn(place.real, '/404.html')
      if (missing !== undefined)
        return { ...this.#send(method, '', place, missing, unconditional), status: 404 }
      const page = this.#fileIn(place.real, '/index.html')
      if (page !== undefined) return this.#send(method, '', place, page, field)
    }
    return undefined
  }

  /** Few calls of the system, because every request to the application comes by here. */
  #fileAt({ real = '', pages = true }: Place, below: string): Found | 'folder of a page' | undefined {
    if (below.endsWith('/')) return pages ? this.#fileIn(real, `${below}index.html`) : undefined
    const stats = statOf(real + below)
    if (stats?.isFile() === true) return this.#inside(real, { file: real + below, stats })
    if (!pages) return undefined
    const mayBePage = below !== '' && !below.slice(below.lastIndexOf('/')).includes('.')
    const page = mayBePage ? this.#fileIn(real, `${below}.html`) : undefined
    if (page !== undefined || stats?.isDirectory() !== true) return page
    return this.#fileIn(real, `${below}/index.html`) && 'folder of a page'
  }

  /** @param real the folder, without links */
  #fileIn(real: string, below: string): Found | undefined {
    const file = real + below
    const stats = statOf(file)
    return stats?.isFile() === true ? this.#inside(real, { file, stats }) : undefined
  }

  /** Follows links again only where another file is in the place. */
  #inside(real: string, found: Found): Found | undefined {
    const { file, stats } = found
    const identity = `${stats.dev}:${stats.ino}`
    if (this.#known.get(file) === identity) return found
    if (realPath(file)?.startsWith(`${real}/`) !== true) return undefined
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(file, identity)
    return found
  }

  #send(method: string, path: string, place: Place, plain: Found, field: Field): StaticAnswer {
    const { found, varies } = this.#encoded(plain, place, field)
    const { file, stats, encoding } = found
    const validators = {
      etag: `"${stats.size.toString(16)}-${Math.trunc(stats.mtimeMs).toString(16)}${encoding?.ending ?? ''}"`,
      modifiedMs: Math.trunc(stats.mtimeMs / 1000) * 1000,
    }
    const headers: Record<string, string> = {
      etag: validators.etag,
      'last-modified': new Date(validators.modifiedMs).toUTCString(),
      'cache-control': this.#isImmutable(path, place) ? IMMUTABLE : REVALIDATED,
      ...(varies && { vary: 'Accept-Encoding' }),
    }
    if (isFresh(field, validators)) return { status: 304, headers }
    headers['accept-ranges'] = 'bytes'
    const range = method === 'GET' ? rangeAsked(field, stats.size, validators) : undefined
    if (range === 'unsatisfiable')
      return { status: 416, headers: { ...headers, 'content-range': `bytes */${stats.size}` } }
    const { start, end } = range ?? { start: 0, end: stats.size }
    headers['content-type'] = typeOf(plain.file)
    headers['content-length'] = String(end - start)
    if (encoding !== undefined) headers['content-encoding'] = encoding.coding
    if (range !== undefined) headers['content-range'] = `bytes ${start}-${end - 1}/${stats.size}`
    const status = range === undefined ? 200 : 206
    if (method === 'HEAD') return { status, headers }
    return { status, headers, body: { file, start, end, isWhole: range === undefined } }
  }

  /** The file as the client takes it, and whether another client would get it otherwise. */
  #encoded(plain: Found, { real = '' }: Place, field: Field): { found: Found; varies: boolean } {
    const below = plain.file.slice(real.length)
    const copies = encodingsOf(plain.file).flatMap((encoding) => {
      const copy = this.#fileIn(real, below + encoding.ending)
      return copy === undefined ? [] : [{ ...copy, encoding }]
    })
    if (copies.length === 0) return { found: plain, varies: false }
    const header = field('accept-encoding')
    return { found: copies.find(({ encoding }) => accepts(header, encoding.coding)) ?? plain, varies: true }
  }

  #isImmutable(path: string, { immutable = [] }: Place): boolean {
    if (this.#isChanging) return false
    return immutable.some((prefix) => path.startsWith(prefix)) || isHashedName(path)
  }
}

/** The path without escapes; `undefined` if it cannot be the name of a file that may be sent. */
function decoded(path: string): string | undefined {
  const plain = path.includes('%') ? unescaped(path) : path
  if (plain === undefined || plain.includes('//') || plain.includes('\0')) return undefined
  return isHidden(plain) ? undefined : plain
}

/** Not what has an escaped slash in it: the application may mean something by it. */
function unescaped(path: string): string | undefined {
  if (/%2f/i.test(path)) return undefined
  try {
    return decodeURIComponent(path)
  } catch {
    // URIError: not UTF-8.
    return undefined
  }
}

/**
 * `..` is among these parts; and the server's own configuration, where a folder of pages is served by it. Some disks find
 * a file by its name in capitals, too.
 */
function isHidden(path: string): boolean {
  if (/\/rip-server\.config\./i.test(path)) return true
  const dot = path.indexOf('/.')
  return dot >= 0 && path.slice(path.startsWith('/.well-known/') ? '/.well-known'.length : 0).includes('/.')
}

/** What follows in the path of a file or, empty, that of the folder itself. */
function pathBelow(at: string, path: string): string | undefined {
  if (at === '/') return path.startsWith('/') ? path : undefined
  if (path === at) return ''
  return path.startsWith(at) && path[at.length] === '/' ? path.slice(at.length) : undefined
}

function statOf(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false })
  } catch {
    // ENOTDIR, EACCES, ENAMETOOLONG: for a client, it is not there.
    return undefined
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    // ENOENT: it is not there, or not any more.
    return undefined
  }
}

function typeOf(file: string): string {
  return Bun.file(file).type
}

/** A page whose links are relative is right only below its own path. */
function redirect(target: string, query: number): StaticAnswer {
  const location = query < 0 ? `${target}/` : `${target.slice(0, query)}/${target.slice(query)}`
  return { status: 308, headers: { location, 'content-length': '0' } }
}

/** Whether a browser loads the answer as a page, as opposed to a script or an image that is missing. */
function isNavigation(field: Field): boolean {
  const mode = field('sec-fetch-mode')
  if (mode && mode !== 'navigate') return false
  return /\btext\/html\b/.test(field('accept') ?? '')
}

function unconditional(): undefined {
  return undefined
}
