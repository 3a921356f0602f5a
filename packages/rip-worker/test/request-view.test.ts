import { describe, expect, test } from 'bun:test'
import { isEventStream } from '../src/serve/event-streams.ts'
import { RequestView } from '../src/serve/request-view.ts'
import { LocalWorker } from './helpers.ts'

const signal = new AbortController().signal
const view = new RequestView({ url: () => 'https://shop.example/', signal: () => signal })

describe('a request that is shown another way', () => {
  test('has the values it is shown with, and is the same request in all else', () => {
    const request = new Request('http://127.0.0.1/', { method: 'PUT', headers: { a: 'b' } })
    view.show(request)
    expect([request.url, request.signal]).toEqual(['https://shop.example/', signal])
    expect([request.method, request.headers.get('a')]).toEqual(['PUT', 'b'])
    expect(request).toBeInstanceOf(Request)
    expect(request.constructor).toBe(Request)
    expect(Object.keys(request)).toEqual([])
  })

  test('stays so when it is shown again', () => {
    const request = new Request('http://127.0.0.1/')
    view.show(request)
    const prototype: unknown = Object.getPrototypeOf(request)
    view.show(request)
    expect(Object.getPrototypeOf(request)).toBe(prototype)
  })

  test('changes no other request', () => {
    view.show(new Request('http://127.0.0.1/'))
    expect(new Request('http://127.0.0.1/other').url).toBe('http://127.0.0.1/other')
  })

  test('keeps what a class of its own gives it', () => {
    class Marked extends Request {
      get mark(): string {
        return `marked ${this.method}`
      }
    }
    const request = new Marked('http://127.0.0.1/')
    view.show(request)
    expect([request.url, request.mark]).toEqual(['https://shop.example/', 'marked GET'])
  })
})

test('a route has its parameters, cookies, and the scheme of the client', async () => {
  const route = (request: Bun.BunRequest<'/shops/:id'>): Response =>
    Response.json([request.params.id, request.cookies.get('a'), request.url])
  await using local = await LocalWorker.serve({
    trustForwarded: 'balancer',
    routes: { '/shops/:id': route },
    fetch: () => new Response('no route'),
  })
  const headers = { host: 'shop.example', cookie: 'a=1', 'x-forwarded-proto': 'https' }
  const response = await local.fetch('/shops/7', { headers })
  expect(await response.json()).toEqual(['7', '1', 'https://shop.example/shops/7'])
})

describe('an answer', () => {
  const asked = new Set<unknown>()
  /** A response that notes when its body is asked for, which makes a stream of it. */
  function watched(type: string): Response {
    const response = new Response('data: 1\n\n', { headers: { 'content-type': type } })
    const { body } = response
    return Object.defineProperty(response, 'body', { get: () => (asked.add(response), body) })
  }

  test('of another type is no event stream, which takes no look at its body', () => {
    const response = watched('application/json')
    expect(isEventStream(response)).toBe(false)
    expect(asked.has(response)).toBe(false)
  })

  test('of that type is one', () => {
    const response = watched('text/event-stream')
    expect(isEventStream(response)).toBe(true)
  })
})
