import { randomBytes } from 'node:crypto'
import { type Answer, type Request, RequestFailure, sha1 } from './connection.ts'
import type { Traffic } from './load.ts'

const BODY_BYTES = 16_256
const POST_SHARE = 0.3
const STREAM_SHARE = 0.01
const STREAM = '0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n'

/**
 * 30 % POSTs whose SHA-1 must come back, 1 % streams of about a second (which occupy a process for that long where
 * a process takes one request at a time), the rest plain GETs; every other request uses a fresh connection.
 */
export const MIXED_TRAFFIC: Traffic = {
  request(ordinal) {
    const keepAlive = ordinal % 2 === 0
    const draw = Math.random()
    if (draw < POST_SHARE) return { method: 'POST', path: '/echo', body: randomBytes(BODY_BYTES), keepAlive }
    if (draw < POST_SHARE + STREAM_SHARE) return { method: 'GET', path: '/stream', keepAlive }
    return { method: 'GET', path: `/?n=${ordinal}`, keepAlive }
  },
  check: checkAnswer,
}

/**
 * Checks that an answer of status 200 is complete: ten lines `0` to `9` of a stream, the SHA-1 of a body.
 *
 * @throws {@link RequestFailure} when it is not
 */
export function checkAnswer(request: Request, answer: Answer): void {
  const body = answer.body.toString()
  if (isStream(request) && body !== STREAM) throw new RequestFailure('cut', 'incomplete stream')
  if (request.body !== undefined && body !== sha1(request.body))
    throw new RequestFailure('checksum', 'not the SHA-1 of what was sent')
}

export type Asked = 'GET' | 'POST' | 'stream'

/** The kind of a request: a plain GET can be repeated elsewhere, the others cannot once they have begun. */
export const askedBy = (request: Request): Asked => (isStream(request) ? 'stream' : request.method)

const isStream = ({ path }: Request): boolean => /^\/stream(\?|$)/.test(path)
