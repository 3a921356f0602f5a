import { afterAll, expect, test } from 'bun:test'
import app from './app.ts'

const server = Bun.serve({ ...app, port: 0 })
afterAll(() => server.stop(true))

/** A client of the chat, with a function that waits for the next line. */
function client(name: string): { socket: WebSocket; hears: () => Promise<string> } {
  const lines: string[] = []
  const waiting: ((line: string) => void)[] = []
  const socket = new WebSocket(new URL(`chat?name=${name}`, server.url.href.replace('http', 'ws')))
  socket.onmessage = ({ data }) => {
    const next = waiting.shift()
    if (next === undefined) lines.push(String(data))
    else next(String(data))
  }
  const hears = async (): Promise<string> => lines.shift() ?? new Promise((told) => waiting.push(told))
  return { socket, hears }
}

test('visitors hear each other come, talk and go', async () => {
  const ada = client('Ada')
  expect(await ada.hears()).toBe('Ada is here')
  const bob = client('Bob')
  expect([await ada.hears(), await bob.hears()]).toEqual(['Bob is here', 'Bob is here'])
  bob.socket.send('hello')
  expect([await ada.hears(), await bob.hears()]).toEqual(['Bob: hello', 'Bob: hello'])
  bob.socket.close()
  expect(await ada.hears()).toBe('Bob has left')
  ada.socket.close()
})

test('has a page, is up, and wants WebSockets for the chat', async () => {
  const page = await fetch(server.url)
  expect(page.headers.get('content-type')).toContain('text/html')
  expect((await fetch(new URL('up', server.url))).status).toBe(200)
  expect((await fetch(new URL('chat', server.url))).status).toBe(426)
})
