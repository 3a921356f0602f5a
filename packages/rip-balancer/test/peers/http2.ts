/**
 * Requests of HTTP/2, many of them wrong, go through the balancer: what reaches a backend has to be what python3-h2 has read as well.
 * Needs that Debian package, and is run by `bun run peers`. `HTTP2_SEQUENCES` says how many, `HTTP2_SEED` which.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { DataPlane } from '../../src/exchange/data-plane.ts'
import { identify } from '../../src/forwarding/client-identity.ts'
import { RecentAnswers } from '../../src/answers/recent-answers.ts'
import { FLAG, FRAME, PREFACE } from '../../src/http2/frame-type.ts'
import { Http2Connection } from '../../src/listener/http2/http2-connection.ts'
import { Http2Plane } from '../../src/listener/http2/http2-plane.ts'
import { SpareStreams } from '../../src/listener/http2/spare-streams.ts'
import type { Backend } from '../../src/upstream/backend.ts'
import { UpstreamConnection } from '../../src/upstream/upstream-connection.ts'
import { MemorySocket, timelessSettings } from '../exchange/in-process.ts'
import { NO_KEEPER } from '../exchange/no-keeper.ts'
import { SETTINGS, SETTINGS_ACK, frame, numbers, settingsOf } from '../http2/frames.ts'

const SEQUENCES = Number(process.env['HTTP2_SEQUENCES'] ?? 2_000)
const SEED = Number(process.env['HTTP2_SEED'] ?? 20_261_129)
const BATCH = 200
const MAX_FINDINGS = 5

setDefaultTimeout(60_000 + SEQUENCES * 20)

type Random = (below: number) => number

/** The same numbers each time (xorshift). */
function numbersFrom(seed: number): Random {
  let state = seed | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

const pick = <T>(random: Random, ...all: readonly T[]): T => all[random(all.length)]!

// --- what clients send

const NAMES = [
  'x-a',
  'x-b',
  'accept',
  'content-type',
  'user-agent',
  'cookie',
  'x-long-name-of-a-field',
] as const
const POISON: readonly (readonly [name: string, value: string])[] = [
  ['X-A', '1'],
  ['x a', '1'],
  ['x-a:', '1'],
  ['x\r\ny', '1'],
  ['x-a', '1\r\nx-evil: 2'],
  ['x-a', '1\n2'],
  ['x-a', '1\0'],
  ['x-a', ' 1'],
  ['x-a', '1\t'],
  ['', '1'],
  ['connection', 'close'],
  ['transfer-encoding', 'chunked'],
  ['upgrade', 'h2c'],
  ['keep-alive', '1'],
  ['proxy-connection', '1'],
  ['te', 'gzip'],
  ['te', 'trailers'],
  ['host', 'evil.test'],
  ['content-length', '5'],
  ['content-length', '0'],
  ['content-length', '5, 5'],
  [':path', '/second'],
  [':authority', 'evil.test'],
  [':status', '200'],
  [':protocol', 'websocket'],
  [':x', '1'],
  ['cookie', 'a=1\r\nx-evil: 2'],
]

function string(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes])
  const rest = bytes.length - 127
  return Buffer.concat([Buffer.from([127, (rest & 127) | 128, rest >> 7]), bytes])
}

/** A literal: not indexed, never indexed, or indexed. */
function literal(random: Random, name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([pick(random, 0, 0x10, 0x40)]), string(name), string(value)])
}

/** The pseudo fields, with mistakes in a few. */
function target(random: Random, number: number, method: string): (readonly [string, string])[] {
  const path =
    random(8) > 0 ? `/${number}` : pick(random, '', 'a', '*', '/a b', '/#', '/%zz', 'http://e/', '/\r\n')
  const fields: (readonly [string, string])[] = [
    [':method', random(30) > 0 ? method : pick(random, '', 'G T', 'GET\r\n', 'CONNECT', 'OPTIONS')],
    [':scheme', random(30) > 0 ? 'https' : pick(random, '', 'ftp', 'http')],
    [':authority', random(20) > 0 ? 'h.test' : pick(random, '', 'u@h.test', 'h test', 'h.test:99999')],
    [':path', path],
  ]
  if (random(25) === 0) fields.splice(random(4), 1)
  if (random(25) === 0) fields.push(fields[random(fields.length)]!)
  return fields
}

function blockOf(random: Random, number: number, method: string, length: number): Buffer {
  const fields = target(random, number, method)
  for (let count = random(5); count > 0; count--) {
    const name = NAMES[random(NAMES.length)]!
    // The judge joins parts of a cookie that are empty.
    const least = name === 'cookie' ? 1 : 0
    fields.push([name, pick(random, 'x'.repeat(least), 'a', 'b=c', 'x'.repeat(least + random(200)), '\xe9')])
  }
  if (method === 'POST' && random(2) === 0)
    fields.push(['content-length', String(random(6) > 0 ? length : length + 1)])
  if (random(4) === 0) fields.splice(random(fields.length + 1), 0, POISON[random(POISON.length)]!)
  return Buffer.concat(fields.map(([name, value]) => literal(random, name, value)))
}

function request(random: Random, id: number): Buffer[] {
  const method = pick(random, 'GET', 'POST', 'PUT')
  const parts = method === 'GET' ? [] : Array.from({ length: random(3) + 1 }, () => 'y'.repeat(random(20)))
  const block = blockOf(random, id, method, parts.join('').length)
  const end = parts.length === 0 ? FLAG.endStream : 0
  const cut = random(4) > 0 ? block.length : random(block.length)
  const frames = [
    frame(FRAME.headers, end | (cut === block.length ? FLAG.endHeaders : 0), id, block.subarray(0, cut)),
  ]
  if (cut < block.length) frames.push(frame(FRAME.continuation, FLAG.endHeaders, id, block.subarray(cut)))
  const hasTrailers = parts.length > 0 && random(6) === 0
  parts.forEach((part, at) => {
    const isLast = at === parts.length - 1 && !hasTrailers
    const padding = random(5) > 0 ? undefined : random(9)
    const payload =
      padding === undefined
        ? part
        : Buffer.concat([Buffer.from([padding]), Buffer.from(part), Buffer.alloc(padding)])
    frames.push(
      frame(
        FRAME.data,
        (isLast ? FLAG.endStream : 0) | (padding === undefined ? 0 : FLAG.padded),
        id,
        payload,
      ),
    )
  })
  const trailer =
    random(3) > 0 ? ['x-sum', '7'] : pick(random, [':path', '/'], ['X-Sum', '1'], ['connection', 'x'])
  if (hasTrailers)
    frames.push(
      frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, id, literal(random, trailer[0]!, trailer[1]!)),
    )
  return frames
}

function sequence(random: Random): Buffer {
  const frames: Buffer[] = []
  for (let id = 1; id < 2 + 2 * random(5); id += 2) {
    frames.push(...request(random, id))
    if (random(6) === 0)
      frames.push(
        pick(
          random,
          frame(FRAME.ping, 0, 0, 'whatever'),
          frame(FRAME.priority, 0, id, Buffer.from([0, 0, 0, 0, 1])),
          frame(FRAME.settings, 0, 0, settingsOf([4, 1_000])),
          frame(FRAME.windowUpdate, 0, 0, numbers(1_000)),
          frame(FRAME.resetStream, 0, id, numbers(8)),
          frame(0x42, 0, id, 'unknown'),
        ),
      )
  }
  if (random(10) === 0) frames.splice(random(frames.length), 1)
  const bytes = Buffer.concat([PREFACE, SETTINGS, SETTINGS_ACK, ...frames])
  const from = PREFACE.length + SETTINGS.length
  if (random(3) === 0)
    for (let count = random(3) + 1; count > 0; count--)
      bytes[from + random(bytes.length - from)]! ^= 1 << random(8)
  return bytes
}

// --- what reaches the backend

const backend: Backend = {
  id: 'b',
  address: { kind: 'unix', path: '/nowhere' },
  maxInFlight: 1,
  inFlight: 0,
  generation: undefined,
  leaving: false,
  onTrial: false,
  answers: new RecentAnswers(),
}

/** A balancer without sockets, whose backend takes everything and never answers. */
class Stand {
  private sockets: MemorySocket[] = []
  private readonly plane: DataPlane
  private readonly spare: SpareStreams

  constructor() {
    const settings = { ...timelessSettings(), upgrades: ['websocket'] }
    this.plane = new DataPlane(settings, {
      queued: 0,
      capacity: 1,
      isPressed: false,
      waitsForBackends: false,
      claim: () => backend,
      withdraw: () => {},
      release: () => {},
      hasRoom: () => true,
      hold: () => {},
      letGo: () => {},
      mayRetry: () => false,
      hasOther: () => false,
    })
    const fault = (error: unknown): never => {
      throw error
    }
    this.plane.upstreams.takeIdle = (_backend, sink) => {
      const socket = new MemorySocket()
      const owner = { park: () => {}, closedUnused: () => {}, gone: () => {}, fault }
      const limits = { head: settings.limits, maxInterimResponses: 8, idleMs: 1_000 }
      const upstream = new UpstreamConnection(socket, this.plane.turn, owner, limits, undefined)
      upstream.opened()
      upstream.take(sink)
      this.sockets.push(socket)
      return upstream
    }
    this.spare = new SpareStreams(new Http2Plane(this.plane))
  }

  /** Bytes that reach the backend, request by request, of what a client sends in two pieces. */
  pass(sent: Buffer, cut: number): readonly string[] {
    const { turn } = this.plane
    const identity = identify({ address: '127.0.0.1', port: 4711 }, 'https', { has: () => false })
    this.sockets = []
    const client = new Http2Connection(new MemorySocket(), this.spare, NO_KEEPER, identity)
    turn.run(() => client.received(sent.subarray(0, cut)))
    turn.run(() => client.received(sent.subarray(cut)))
    const written = this.sockets.map((socket) => socket.written).filter((text) => text !== '')
    turn.run(() => client.closed())
    return written
  }
}

interface Request {
  /** The judge did not read on. */
  readonly isCut?: boolean
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
  readonly isWhole: boolean
}

const OWN =
  /^(?:x-forwarded-|x-real-|x-request-id$|connection$|upgrade$|transfer-encoding$|te$|sec-websocket-key$)/

/** Reads a request of HTTP/1.1, as a backend would. */
function readHttp1(written: string): Request & { readonly line: string } {
  const end = written.indexOf('\r\n\r\n')
  const [line = '', ...lines] = written.slice(0, end).split('\r\n')
  const all = lines.map((each): [string, string] => {
    const colon = each.indexOf(':')
    // `trim` takes away U+00A0, too, which is no white space of HTTP.
    return [each.slice(0, colon).toLowerCase(), each.slice(colon + 1).replaceAll(/^[ \t]+|[ \t]+$/g, '')]
  })
  const rest = written.slice(end + 4)
  const isChunked = all.some(([name, value]) => name === 'transfer-encoding' && value === 'chunked')
  const length = Number(all.find(([name]) => name === 'content-length')?.[1] ?? 0)
  const { body, isWhole } = isChunked ? readChunks(rest) : { body: rest, isWhole: rest.length === length }
  return { line, fields: all.filter(([name]) => !OWN.test(name)), body, isWhole }
}

function readChunks(rest: string): { body: string; isWhole: boolean } {
  let body = ''
  for (let at = 0; ;) {
    const [, digits] = /^([0-9a-f]+)\r\n/i.exec(rest.slice(at)) ?? []
    if (digits === undefined) return { body, isWhole: false }
    const length = Number.parseInt(digits, 16)
    if (length === 0) return { body, isWhole: true }
    at += digits.length + 2
    body += rest.slice(at, at + length)
    at += length + 2
  }
}

/** Whether the backend was given this request, or the beginning of it. */
function isRequest(given: ReturnType<typeof readHttp1>, read: Request): boolean {
  const valueOf = (wanted: string): string | undefined => read.fields.find(([name]) => name === wanted)?.[1]
  const cookies = read.fields
    .filter(([name, value]) => name === 'cookie' && value !== '')
    .map(([, value]) => value)
  const method = valueOf(':protocol') === undefined ? valueOf(':method') : 'GET'
  if (given.line !== `${method} ${valueOf(':path')?.replaceAll(/(?<=\?.*)[\x80-\xff]/g, escaped)} HTTP/1.1`)
    return false
  const isKnown = ([name, value]: readonly [string, string]): boolean => {
    if (name === 'host') return value === (valueOf(':authority') ?? valueOf('host'))
    if (name === 'cookie') return value === cookies.join('; ')
    if (name === 'content-length') return Number(value) === Number(valueOf(name))
    return read.fields.some(([known, text]) => known === name && text === value)
  }
  if (!given.fields.every(isKnown)) return false
  // What a tunnel carries waits until the backend has opened it.
  if (valueOf(':protocol') !== undefined) return given.body === ''
  // The judge hands data over frame by frame, the balancer as it comes; a length may be reached before the end is said.
  if (!read.isWhole && given.body.startsWith(read.body))
    return read.isCut === true || !given.isWhole || given.body.length === Number(valueOf('content-length'))
  return read.body.startsWith(given.body) && (!given.isWhole || given.body === read.body)
}

const escaped = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase()}`

// --- the comparison

test(`what reaches the backend is what python3-h2 has read (${SEQUENCES} sequences)`, async () => {
  const judge = Bun.spawn(['/usr/bin/python3', new URL('http2-judge.py', import.meta.url).pathname], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const verdicts = lines(judge.stdout)
  const stand = new Stand()
  const random = numbersFrom(SEED)
  const findings: string[] = []
  let passed = 0
  let read = 0
  for (let done = 0; done < SEQUENCES && findings.length < MAX_FINDINGS; done += BATCH) {
    const sequences = Array.from({ length: BATCH }, () => sequence(random))
    void judge.stdin.write(sequences.map((sent) => `${sent.toString('hex')}\n`).join(''))
    await judge.stdin.flush()
    for (const sent of sequences) {
      const given = stand.pass(sent, random(sent.length)).map(readHttp1)
      const requests = JSON.parse((await verdicts.next()).value ?? '[]') as Request[]
      passed += given.length
      read += requests.length
      for (const each of given)
        if (!requests.some((one) => isRequest(each, one)))
          findings.push(JSON.stringify({ given: each, read: requests, sent: sent.toString('hex') }))
    }
  }
  void judge.stdin.end()
  expect(await judge.exited).toBe(0)
  // What `expect` prints is cut in the middle.
  for (const each of findings) console.error(each)
  expect(findings).toEqual([])
  expect(passed).toBeGreaterThan(SEQUENCES / 4)
  expect(passed).toBeLessThanOrEqual(read)
})

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = parts.pop()!
    yield* parts
  }
  return undefined
}
