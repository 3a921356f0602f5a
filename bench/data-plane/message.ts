/** A request, and the answer of a backend to it. */
export interface Message {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly requestBody: Buffer
  readonly answerBody: Buffer
}

/** The shapes of `bench/proxy` that this bench has as well. */
export const MESSAGES: Readonly<Record<string, Message>> = {
  small: { method: 'GET', path: '/small', requestBody: body(0), answerBody: body(105) },
  '10k': { method: 'GET', path: '/10k', requestBody: body(0), answerBody: body(10 * 1024) },
  'post-1k': { method: 'POST', path: '/post', requestBody: body(1024), answerBody: body(14) },
}

function body(bytes: number): Buffer {
  return Buffer.alloc(bytes, 'x')
}
