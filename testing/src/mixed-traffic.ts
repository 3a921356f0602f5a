import { randomBytes } from 'node:crypto'
import { type Answer, type Request, RequestFailure, sha1 } from './connection.ts'
import type { Traffic } from './load.ts'

const BODY_BYTES = 16_256
const POST_SHARE = 0.3
const STREAM_SHARE = 0.01
const STREAM = '0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n'

/**
 * 30 % POST whose SHA-1 must come back, 1 % streams of about a second (a process per request is busy all along), the rest
 * plain GET; every other request on a fresh connection.
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
 * Whether an answer of status 200 is whole: ten lines `0` to `9` of a stream, the SHA-1 of a body.
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

/** What was asked: plain GETs could be repeated elsewhere, the others not once they had begun. */
export const askedBy = (request: Request): Asked => (isStream(request) ? 'stream' : request.method)

const isStream = ({ path }: Request): boolean => /^\/stream(\?|$)/.test(path)
